"""Two base models of different engines in one experiment, each poisoned by the other's images."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.models import tiny_3
from tests.workflow.conftest import ROOT, Project

RESULTS = "results/engines"
# An engine with another objective, trained by adapters, that begins where the first one does.
FLOW: dict[str, Any] = {
    "path": "models/flow",
    "generate": {"steps": 12, "match": {"snr_of": "base"}},
    "finetune": {"trainable": "lora"},
}
OVERLAY: dict[str, Any] = {
    "experiment": "engines",
    "generate": {"steps": 3},  # Two of them run, from a third of the schedule on.
    "models": {"flow": FLOW},
    "arms": {
        "real": None,
        "poison-50": None,
        "color-matched": None,
        "culled": None,
        "healed": None,
        "by-flow": {"iterations": 1, "sources": {"flow": 1}},
        "flow-by-base": {"model": "flow", "iterations": 1, "sources": {"self": 0.5, "base": 0.5}},
    },
}


# What these tests look at: the curves and tables are those of any experiment.
TARGETS = [
    f"{RESULTS}/{name}"
    for name in ("scores.csv", "summary.txt", "explorer.html", "figures/pairs.svg", "figures/grid.svg")
]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which the miniature and a tiny Stable Diffusion 3 have poisoned each other."""
    project = Project(ROOT).copy(tmp_path_factory.mktemp("engines") / "nepotism")
    tiny_3(project.root / "models/flow", t5=False)
    result = project.snakemake(*TARGETS, overlay=OVERLAY)
    assert result.returncode == 0, result.stdout + result.stderr
    return project


def record(project: Project, path: str) -> Any:
    return json.loads((project.root / RESULTS / path).read_text(encoding="utf-8"))


def origins(project: Project, cell: str) -> set[tuple[str, str]]:
    with (project.root / RESULTS / cell / "training.csv").open(newline="", encoding="utf-8") as file:
        return {(row["origin"], row["iteration"]) for row in csv.DictReader(file)}


def test_each_model_is_poisoned_by_the_other(engines: Project):
    assert origins(engines, "by-flow/seed-0/iteration-1") == {("flow", "0")}
    assert origins(engines, "flow-by-base/seed-0/iteration-1") == {("flow", "0"), ("base", "0")}


def test_each_job_runs_the_engine_of_its_arm(engines: Project):
    used = {
        "base/seed-0/iteration-0/generated/shard-0.json": ("models/miniature", 3),
        "flow/seed-0/iteration-0/generated/shard-0.json": ("models/flow", 12),
        "by-flow/seed-0/iteration-1/generated/shard-0.json": ("models/miniature", 3),
        "flow-by-base/seed-0/iteration-1/unseen.json": ("models/flow", 12),
    }
    for path, (model, steps) in used.items():
        parameters = record(engines, path)["parameters"]
        assert (parameters["model"], parameters["steps"]) == (model, steps)
    finetune = record(engines, "flow-by-base/seed-0/iteration-1/finetune.json")
    assert finetune["results"]["noise_levels"] == "logit_normal"
    kept = {path.name for path in (engines.root / RESULTS / "flow-by-base/seed-0/iteration-1/model").iterdir()}
    assert "adapter_model.safetensors" in kept
    assert {path.stem for path in (engines.root / RESULTS / "weights").glob("model*")} == {"model", "model-flow"}
    assert record(engines, "weights/model-flow.json")["engine"] == "stable_diffusion_3"


def test_image_to_image_of_both_models_begins_at_one_ratio_of_signal_and_noise(engines: Project):
    base, flow, trained = (
        record(engines, f"{cell}/generated/shard-0.json")["results"]["signal_to_noise"]
        for cell in ("base/seed-0/iteration-0", "flow/seed-0/iteration-0", "flow-by-base/seed-0/iteration-1")
    )
    assert flow == trained
    assert 0.3 < flow / base < 3, "twelve steps are far apart; the next ones are farther off"


def test_both_models_are_scored_and_shown(engines: Project):
    with (engines.root / RESULTS / "scores.csv").open(newline="", encoding="utf-8") as file:
        arms = {row["arm"] for row in csv.DictReader(file)}
    assert arms == {"floor", "base", "flow", "by-flow", "flow-by-base"}
    summary = " ".join((engines.root / RESULTS / "summary.txt").read_text(encoding="utf-8").split())
    assert "The base model has" in summary
    assert "The base model flow has" in summary
    page = (engines.root / RESULTS / "explorer.html").read_text(encoding="utf-8")
    found = re.search(r'<script[^>]*id="facts"[^>]*>(.*?)</script>', page, flags=re.S)
    assert found
    facts = json.loads(found[1])
    assert facts["bases"] == ["base", "flow"]
    assert {name: arm["model"] for name, arm in facts["arms"].items()} == {"by-flow": "base", "flow-by-base": "flow"}
    for name in ("pairs", "grid"):
        drawn = (engines.root / RESULTS / f"figures/{name}.svg").read_text(encoding="utf-8")
        assert "base model flow" in re.sub(r"\s+", " ", drawn)


def test_nothing_else_is_due_and_a_setting_of_one_model_plans_its_cells_alone(engines: Project):
    assert engines.plan(*TARGETS, overlay=OVERLAY) == []
    flow = FLOW | {"finetune": {"trainable": "lora", "epochs": 2}}
    jobs = engines.plan(*TARGETS, overlay=OVERLAY | {"models": {"flow": flow}})
    made = {Path(output).parts[2] for job in jobs if job.rule in ("finetune", "generate") for output in job.outputs}
    assert made == {"flow-by-base"}


def test_the_plan_measures_each_model_by_its_own_jobs(engines: Project):
    result = engines.snakemake("plan", overlay=OVERLAY)
    assert result.returncode == 0, result.stdout + result.stderr
    rows = {row["rule"]: row for row in record(engines, "plan.json")["rules"]}
    assert {"finetune", "finetune, flow", "generate", "generate, flow"} <= set(rows)
    assert all(rows[rule]["source"].startswith("measured") for rule in ("finetune, flow", "generate, flow"))
