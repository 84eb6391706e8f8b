"""Every block of code in the README, its pages and the model cards works as it stands, and every command in docs/."""

import re
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml
from diffusers import UNet2DConditionModel
from snakemake.cli import parse_args
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from scripts.lib.base.code import ROOT
from scripts.lib.experiment.config.load import load

READERS_OWN = ("config/photos.yaml", "FILE")
CARDS = ("models/card.md", "models/card-flow.md", "models/miniature/README.md", "models/miniature-flow/README.md")
PAGES = ("README.md", *CARDS, "docs/results.md", "docs/experiments.md")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str


def blocks(pages: Iterable[str] = PAGES) -> list[Block]:
    found = []
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, flags=re.M | re.S):
            found.append(Block(page, text[: match.start()].count("\n") + 2, *match.groups()))
    return found


def of(language: str) -> list[Any]:
    return [pytest.param(block, id=f"{block.page}:{block.line}") for block in blocks() if block.language == language]


def commands() -> list[str]:
    """Return the lines of the shell in the blocks, `$cell` with its value, without comments and redirections."""
    lines = []
    for block in blocks(sorted({*PAGES, *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))})):
        cell = dict(re.findall(r"^(cell)=(\S+)$", block.text, flags=re.M))
        for line in block.text.splitlines() if not block.language else []:
            words = (
                shlex.split(line.removeprefix("nohup ").partition(" > ")[0], comments=True)
                if re.match(r"(nohup )?(snakemake|make) ", f"{line} ")
                else []
            )
            if words:
                lines.append(" ".join(word.replace("$cell", cell.get("cell", "$cell")) for word in words))
    return lines


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder with the models, and with the U-Net that the README's example continues from."""
    (tmp_path / "models").symlink_to(ROOT / "models")
    unet = UNet2DConditionModel.from_pretrained(ROOT / "models/miniature/unet", dtype=torch.float32)
    unet.save_pretrained(tmp_path / "results/miniature/poison-100/seed-0/iteration-5/model")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("block", of("python"))
def test_python_runs_and_what_it_loads_makes_an_image(block: Block):
    names: dict[str, Any] = {}
    exec(compile(block.text, f"{block.page}:{block.line}", "exec"), names)
    image = names["pipeline"]("a drawing of a man", num_inference_steps=2).images[0]
    assert image.size == (32, 32)


@pytest.mark.parametrize("block", of("yaml"))
def test_yaml_is_a_configuration_or_an_overlay(block: Block):
    config = load_configfile(str(ROOT / "config.yaml"))
    given = yaml.safe_load(block.text)
    # A block that states a section states it whole, and adds rewards to those that there are where the images are too;
    # to the scores it may add a metric's settings.
    scores = ["score"] if {*given.get("score", {})} != {"metrics"} else []
    whole = {"dataset", "figures", *scores, *(["rewards"] if "dataset" in given else [])}
    for key in given.keys() & whole:
        del config[key]
    update_config(config, given)
    experiment = load(config)
    written = {name for name, arm in config["arms"].items() if arm is not None}
    grids = {name for name in written if "{" in name}
    assert written - grids <= set(experiment.arms)
    assert (len(experiment.arms) > len(written)) == bool(grids)


def test_the_readme_has_commands():
    assert len(commands()) >= 20


@pytest.mark.parametrize("command", commands())
def test_a_command_has_options_and_files_that_exist(command: str):
    program, *arguments = command.split()
    if program == "make":
        subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, check=True)
        return
    _, options = parse_args(arguments)
    experiment = load(load_configfile(str(ROOT / "config.yaml")))
    for file in [*(options.configfile or []), *([options.workflow_profile] if options.workflow_profile else [])]:
        assert (ROOT / file).exists() or str(file) in READERS_OWN
    for target in [*options.targets, *(options.forcerun or [])]:
        if match := re.match(r"results/miniature/([^/]+)/seed-(\d+)/iteration-(\d+)/", target):
            arm = experiment.arms[match[1]]
            assert int(match[2]) in experiment.replicates
            assert arm.first_iteration <= int(match[3]) <= arm.last_iteration
