"""The commands of the pages, as a reader types them, without running what they would run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.test_code_blocks import READERS_OWN, commands
from tests.workflow.conftest import ROOT, Project

LOOKS_ONLY = {"--summary", "--rulegraph", "--dag", "-n"}


def typed() -> list[str]:
    """Return each command of Snakemake once, but of files that are the reader's, and of programs that are not here."""
    found = [command for command in dict.fromkeys(commands()) if command.startswith("snakemake")]
    own = [*READERS_OWN, "--report"]  # A report needs results; tests/workflow/test_report.py makes one.
    absent = [program for program in ("conda", "apptainer") if not shutil.which(program)]
    return [command for command in found if not {*own, *absent} & {*command.split()}]


@pytest.mark.drill
@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("command", typed())
def test_a_command_of_a_page_plans(command: str, tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "fresh")
    words = command.replace("https://s3.example.org", os.environ["SNAKEMAKE_STORAGE_S3_ENDPOINT_URL"]).split()
    if not LOOKS_ONLY & {*words}:
        words.append("--dry-run")
    result = subprocess.run(
        [sys.executable, "-m", *words], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_command_that_sums_hours_names_each_arm_that_trained(finished: Project):
    page = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^python -c .*$", page, flags=re.M)
    words = shlex.split(line.replace("results/miniature/", "results/tiny/"))
    done = subprocess.run([sys.executable, *words[1:]], cwd=finished.root, capture_output=True, text=True, check=True)
    arms = {"base", "real", "poison-50", "color-matched", "culled", "healed"}
    assert {row.split()[0] for row in done.stdout.splitlines()[1:-1]} == arms
