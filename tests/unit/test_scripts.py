"""Every script explains itself to a stranger, in one process since torch is slow to import."""

import ast
import importlib
import re
import subprocess
import sys
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from scripts.cli import app
from scripts.lib.base.code import ROOT

SCRIPTS = [
    path.stem
    for path in sorted((ROOT / "scripts").glob("*.py"))
    if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in ast.parse(path.read_text()).body)
]


def test_scripts_are_found():
    assert {"catalogue", "select_images", "prepare", "compose", "finetune", "generate", "embed", "score"} <= set(
        SCRIPTS
    )


def test_no_script_hides_a_module_of_python_where_the_folder_is_first_on_the_path():
    assert not {path.stem for path in (ROOT / "scripts").glob("*.py")} & sys.stdlib_module_names - {"__init__"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_says_what_a_script_does_and_what_every_option_means(name):
    line = app(importlib.import_module(f"scripts.{name}").main)
    shown: Any = typer.main.get_command(line)
    result = CliRunner(env={"COLUMNS": "80"}).invoke(line, ["--help"])
    assert result.exit_code == 0
    assert re.match(r"\S+ .+ .+\.$", shown.help.strip(), re.DOTALL), "a sentence"
    for parameter in shown.params:
        assert len((parameter.help or "").split()) > 1, f"{parameter.name} has no help"
        assert " ".join(parameter.help.split()) in " ".join(result.output.split())
        assert all(option in result.output for option in parameter.opts if option.startswith("--"))


@pytest.mark.parametrize("name", ["cli", *SCRIPTS])
def test_a_script_is_said_in_its_first_line(name):
    text = ast.get_docstring(ast.parse((ROOT / "scripts" / f"{name}.py").read_text())) or ""
    assert text.partition("\n")[0].endswith(".")


def test_a_script_runs_by_hand_and_refuses_what_it_does_not_know(tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "scripts.unseen_prompts", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    output = tmp_path / "unseen.csv"
    assert run("--prompt", "a cat", "--per-prompt", "2", "--output", str(output)).returncode == 0
    assert output.read_text().splitlines() == [
        "file_name,group,text",
        "prompt-0-0000.png,prompt-0,a cat",
        "prompt-0-0001.png,prompt-0,a cat",
    ]
    refused = run("--prompt", "a cat", "--per-prompt", "0", "--output", str(output))
    assert refused.returncode == 2
    assert "--per-prompt" in refused.stderr
