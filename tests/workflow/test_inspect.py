"""The targets that look: the plan's jobs are Snakemake's, and looking runs and locks nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from scripts.lib.experiment.config.load import load
from scripts.lib.planning.jobs import Job, jobs
from tests.workflow.conftest import ROOT, TINY, Project


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout in which nothing has run."""
    return Project(ROOT).copy(tmp_path_factory.mktemp("fresh") / "nepotism")


def planned(overlay: dict[str, Any]) -> list[Job]:
    """Return the jobs of the tiny experiment under a further overlay."""
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    update_config(settings, yaml.safe_load((ROOT / TINY).read_text(encoding="utf-8")))
    update_config(settings, overlay)
    return jobs(load(settings))


# What is planned needs the file of the labels, but does not read it.
MIDJOURNEY = {"share": 0.1, "path": "models", "labels": "config.yaml"}
BEST_OF_TWO = {"best_of": {"candidates": 2, "reward": "single_image_distance", "prefer": "small"}}
# Arms of every kind, and of the kinds together.
EVERY_KIND: dict[str, Any] = {
    "execution": {"shards": 2},
    "replicates": [0, 7],
    "arms": {
        "two-steps": {"iterations": 2, "curate": ["match_histograms", "cull"]},
        "other-order": {"iterations": 2, "curate": [{"cull": {"on_reject": "drop"}}, "match_histograms"]},
        "twice": {"iterations": 1, "curate": ["cull", "cull"], "synthetic": 0.5},
        "real-with-steps": {"iterations": 2, "curate": ["match_histograms", "cull"], "synthetic": 0},
        "best": {
            "iterations": 2,
            "curate": [{"best_of": {"candidates": 3, "reward": "single_image_distance", "prefer": "small"}}],
        },
        "decoded": {"iterations": 2, "curate": [BEST_OF_TWO, "autoencoder"]},
        "watched": {
            "iterations": 2,
            "curate": [{"detector": {"reward": "single_image_distance", "threshold": 1}}, "cull"],
        },
        "from-base": {"iterations": 2, "curate": ["cull"], "init": "base"},
        "child": {"parent": "two-steps", "from_iteration": 1, "iterations": 2, "curate": ["cull"]},
        "fed": {"iterations": 2, "sources": {"self": 0.5, "two-steps": 0.3, "base": 0.2}},
        "taught": {"iterations": 3, "sources": {"fed": {"share": 1, "iteration": "same"}}, "regime": "accumulate"},
        "foreign": {"iterations": 2, "curate": ["cull"], "sources": {"self": 0.9, "midjourney": MIDJOURNEY}},
        "fresh": {"iterations": 3, "synthetic": 0.5, "real": "fresh"},
        "sampled": {
            "iterations": 2,
            "generate": {"scheduler": "DDPMScheduler", "guidance": "interval"},
            "finetune": {"caption_dropout": 0.1, "steps": 2},
        },
        "extrapolated": {
            "parent": "two-steps",
            "from_iteration": 2,
            "iterations": 1,
            "merge": {"extrapolate": {"weight": 0.5, "of": {"arm": "from-base", "iteration": 1}}},
        },
        "after-a-merge": {"parent": "extrapolated", "from_iteration": 3, "iterations": 1},
        "swept-{synthetic}": {"iterations": 1, "grid": {"synthetic": [0.1, 1]}},
        "grandchild": {"parent": "child", "from_iteration": 2, "iterations": 1, "synthetic": 0, "init": "base"},
    },
}


@pytest.mark.parametrize("overlay", [{}, EVERY_KIND], ids=["tiny", "every kind of arm"])
def test_jobs_and_what_they_wait_for_are_those_of_snakemake(fresh: Project, overlay: dict[str, Any]):
    expected = {f"results/tiny/{job.output}": job for job in planned(overlay)}
    makers: dict[str, tuple[str, Any]] = {}
    for job in fresh.plan(overlay=overlay):
        names = [file for file in job.outputs if file in expected]
        assert len(names) == any("/seed-" in file for file in job.outputs), f"one output stands for a job: {job}"
        makers |= {file: (name, job) for name in names for file in job.outputs}
    assert {name for name, _ in makers.values()} == set(expected)
    for name, job in makers.values():
        assert job.rule == expected[name].rule
        assert job.logs == (f"results/tiny/logs/{expected[name].cell}/{expected[name].name}.log",)
        needed = {makers[file][0] for file in job.inputs if file in makers}
        assert needed == {f"results/tiny/{need}" for need in expected[name].needs}, name


def test_plan_counts_where_nothing_has_run_and_runs_nothing(fresh: Project):
    result = fresh.snakemake("--quiet", "all", "--", "plan")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "tiny: 8 cells" in result.stdout
    assert re.search(r"finetune +7 .*counted operations", result.stdout)
    assert {path.name for path in (fresh.root / "results/tiny").iterdir()} == {"logs", "plan.html", "plan.json"}


def test_plan_measures_what_has_run(finished: Project):
    result = finished.snakemake("--quiet", "all", "--", "plan")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"finetune +7 .*measured, 7 jobs", result.stdout)
    assert set(re.findall(r"^(\w+) .*not counted$", result.stdout, re.M)) == {"gather"}, "it is never measured"
    assert "measured" in result.stdout.partition("models, keep")[2]


def test_status_shows_a_finished_experiment_without_color(finished: Project):
    result = finished.snakemake("--quiet", "all", "--", "status")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "tiny: 8 cells, 8 done ●" in result.stdout
    assert re.search(r"^poison-50 +0 +● +●$", result.stdout, re.M)
    assert "\x1b" not in result.stdout


def test_looking_beside_a_run_leaves_its_lock(fresh: Project):
    lock = fresh.root / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("results/tiny/scores.csv\n")
    try:
        refused = fresh.snakemake("status")
        assert refused.returncode == 1
        assert "look with --nolock" in refused.stdout + refused.stderr
        assert fresh.snakemake("--nolock", "status").returncode == 0
        assert lock.is_file(), "Snakemake has not ended the other run's lock"
    finally:
        lock.unlink(missing_ok=True)
        lock.parent.rmdir()


def test_a_failed_run_ends_with_the_jobs_that_failed_and_their_logs(finished: Project, tmp_path: Path):
    project = finished.copy(tmp_path / "nepotism", with_results=True)
    overlay = {"arms": {"diverging": {"iterations": 1, "finetune": {"learning_rate": 1.0e30}}}}
    result = project.snakemake("results/tiny/diverging/seed-0/iteration-1/finetune.json", overlay=overlay)
    assert result.returncode == 1
    end = result.stderr[result.stderr.rindex("Failed:") :]
    assert "diverging/seed-0/iteration-1  finetune" in end
    assert "results/tiny/logs/diverging/seed-0/iteration-1/finetune.log" in end
