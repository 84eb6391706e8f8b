"""The page on extending: a copy of the repository with exactly the files of the page, and a run that uses them."""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.workflow.conftest import ROOT, Project

OVERLAY = {
    "rewards": {"contrast": {}},
    "score": {"features": {"blocks": {"network": "blocks", "weights": "config.yaml"}}},
    "arms": {
        "poison-50": None,
        "color-matched": None,
        "culled": None,
        "healed": None,
        "real": {"iterations": 1, "finetune": {"trainable": "attention"}},
        "most": {"iterations": 2, "regime": "last_two", "curate": [{"most": {"keep": 0.67}}]},
    },
}
FIGURES = ["curves", "curves-blocks", "diversity"]
KINDS = ["curation", "engines", "metrics", "networks", "regimes", "rewards", "trainables"]
# What shows the kinds; the other figures are those of any experiment.
TARGETS = [
    f"results/tiny/{name}" for name in ("scores.csv", "explorer.html", *(f"figures/{figure}.svg" for figure in FIGURES))
]
CELL = "results/tiny/most/seed-0/iteration-2"


def files() -> Iterator[tuple[str, str]]:
    """Yield path and text of each file that the page shows."""
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```$", page, flags=re.M | re.S):
        heading, _, text = block.partition("\n")
        yield heading.removeprefix("# "), text


@pytest.fixture(scope="module")
def extended(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The finished tiny experiment, continued with the kinds of the page."""
    project = finished.clone(tmp_path_factory.mktemp("extended") / "nepotism")
    for path, text in files():
        assert not (project.root / path).exists(), f"{path}: the page shows a new file"
        (project.root / path).write_text(text, encoding="utf-8")
    result = project.snakemake(*TARGETS, overlay=OVERLAY)
    assert result.returncode == 0, result.stdout + result.stderr
    return project


def rows(project: Project, path: str) -> list[dict[str, str]]:
    with (project.root / path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_page_shows_a_file_per_kind():
    assert sorted(Path(path).parent.name for path, _ in files()) == KINDS


def test_a_trainable_leaves_the_other_layers_as_they_were(extended: Project):
    name = "diffusion_pytorch_model.safetensors"
    before = load_file(extended.root / "models/miniature/unet" / name)
    after = load_file(extended.root / "results/tiny/real/seed-0/iteration-1/model" / name)
    changed = {key for key, tensor in before.items() if not np.array_equal(tensor.astype(np.float32), after[key])}
    assert changed
    assert all("attentions" in key for key in changed)


def test_a_regime_takes_images_of_the_last_two_models(extended: Project):
    training = rows(extended, f"{CELL}/training.csv")
    assert {(row["origin"], row["iteration"]) for row in training} == {("base", "0"), ("most", "1")}


def test_a_step_keeps_the_images_of_the_highest_reward(extended: Project):
    table = rows(extended, f"{CELL}/curation/1-most.csv")
    groups = {row["group"] for row in table}
    assert len(table) == 2 * 90
    for group in groups:
        kept, left = (
            [float(row["score"]) for row in table if row["group"] == group and row["accepted"] == accepted]
            for accepted in ("True", "False")
        )
        assert (len(kept), len(left)) == (4, 2)
        assert min(kept) >= max(left)


def test_a_network_is_a_feature_space_beside_the_first(extended: Project):
    record = json.loads((extended.root / f"{CELL}/scores.json").read_text(encoding="utf-8"))
    assert [record["embeddings"][name]["network"] for name in ("clip_score", "clip", "blocks")] == [
        "clip",
        "clip",
        "blocks",
    ]
    spaces = {row["features"] for row in rows(extended, "results/tiny/scores.csv") if row["metric"] == "vendi_score"}
    assert spaces == {"clip", "blocks"}
    for name, network in (("curves", "CLIP"), ("curves-blocks", "BLOCKS")):
        figure = (extended.root / f"results/tiny/figures/{name}.svg").read_text(encoding="utf-8")
        assert f"({network} features, n = " in figure


def test_a_metric_is_in_the_scores_of_every_cell_and_in_the_figure(extended: Project):
    scores = [row for row in rows(extended, "results/tiny/scores.csv") if row["metric"] == "mean_distance"]
    assert {row["arm"] for row in scores} == {"floor", "base", "real", "most"}
    assert "Mean distance" in (extended.root / "results/tiny/figures/diversity.svg").read_text(encoding="utf-8")


def test_the_explorer_shows_the_arm_its_rejections_and_the_metric(extended: Project):
    page = (extended.root / "results/tiny/explorer.html").read_text(encoding="utf-8")
    found = re.search(r'<script[^>]*id="facts"[^>]*>(.*?)</script>', page, flags=re.S)
    assert found
    facts = json.loads(found[1])
    assert facts["arms"]["most"]["curate"] == ["most"]
    assert facts["metrics"]["mean_distance"]["title"] == "Mean distance"
    (rejected,) = facts["cells"]["most/seed-0/iteration-2"]["rejected"]
    assert rejected["total"] == 180
    assert len(rejected["rejected"]) == 60


def test_the_reference_of_the_configuration_lists_the_kinds(extended: Project, tmp_path: Path):
    command = [sys.executable, "-m", "scripts.document_configuration"]
    outputs = ["--markdown", str(tmp_path / "reference.md"), "--schema", str(tmp_path / "schema.json")]
    subprocess.run([*command, *outputs], cwd=extended.root, check=True)
    reference = (tmp_path / "reference.md").read_text(encoding="utf-8")
    for name, words in (
        ("most", "highest reward"),
        ("contrast", "standard deviation"),
        ("blocks", "sixteen"),
        ("mean_distance", "means of two"),
    ):
        assert name in reference
        assert words in reference
    assert "last_two" in reference


def test_nothing_else_is_due(extended: Project):
    assert extended.plan(*TARGETS, overlay=OVERLAY) == []
