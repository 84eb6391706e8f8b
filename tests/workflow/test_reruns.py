"""A finished experiment, a change, and a run in which jobs fail: what is done again, and what is kept."""

from pathlib import Path

import pytest

from tests.workflow import hollow
from tests.workflow.conftest import Project
from tests.workflow.test_plan import cells_of, rules_of

RESULTS = "results/hollow"
# Another setting of an arm of one iteration, from whose model another arm starts.
CHANGED = {"arms": {"real": {"finetune": {"learning_rate": 1.0e-4}}}}


@pytest.fixture
def project(hollow_project: Project, tmp_path: Path) -> Project:
    return hollow_project.clone(tmp_path / "nepotism")


def fail(project: Project, *targets: str, rule: str) -> None:
    """Run until all that can run has run; the jobs of the rule fail."""
    folder = hollow.hold(project, hollow.every_job(project), rule, does="sys.exit(1)")
    with project.start(*targets, overlay=CHANGED, programs=folder) as run:
        said = run.communicate()
    assert run.returncode == 1, said
    assert (folder / "held").is_file(), said


def files_of(project: Project) -> set[str]:
    found = (project.root / RESULTS).rglob("*")
    return {path.relative_to(project.root).as_posix() for path in found if path.is_file() and "logs" not in path.parts}


def test_what_had_been_done_when_a_later_job_failed_is_not_done_again(project: Project):
    before = hollow.named(project.plan(overlay=CHANGED))
    fail(project, rule="generate")
    after = hollow.named(project.plan(overlay=CHANGED))
    done = before - after
    assert after < before
    assert done == hollow.done(project, before)
    assert {"finetune": 1, "merge": 1, "validate": 2}.items() <= rules_of(list(done)).items(), "both have a model"
    assert cells_of(list(done)) == {"real/1", "merged/2"}, "which starts from it"
    assert {"generate", "embed", "tabulate", "record_configuration"} <= set(rules_of(list(after)))


def test_no_figure_table_or_page_outlives_a_cell_that_it_shows(project: Project):
    shown = {file for job in project.plan(overlay=CHANGED) for file in job.outputs if "/seed-" not in file}
    kept = {path for path in files_of(project) if "/seed-" not in path} - shown
    assert {f"{RESULTS}/{name}" for name in ("configuration.csv", "scores.csv", "explorer.html")} <= shown
    assert f"{RESULTS}/figures/baseline.png" in kept
    fail(project, rule="finetune")
    left = files_of(project)
    assert not shown & left
    assert kept <= left


def test_the_same_cell_named_again_is_still_due(project: Project):
    cell = f"{RESULTS}/merged/seed-0/iteration-2"
    before = set(project.plan(f"{cell}/scores.json", overlay=CHANGED))
    fail(project, f"{cell}/scores.json", rule="finetune")
    assert set(project.plan(f"{cell}/scores.json", overlay=CHANGED)) == before
    back = rules_of(project.plan(f"{cell}/scores.json"))
    assert (back["finetune"], back["merge"]) == (1, 1), "one was removed, and the other starts from it"


def test_a_shard_of_another_number_of_shards_is_made_again(project: Project):
    shard = f"{RESULTS}/real/seed-0/iteration-1/generated/shard-0.zip"
    (project.root / shard).touch()  # As a run that was stopped leaves it.
    assert project.plan(shard) == []
    assert rules_of(project.plan(shard, overlay={"execution": {"shards": 2}})) == {"generate": 1}


def test_touching_withdraws_nothing(project: Project):
    hollow.change(project, "finetune")
    before = files_of(project)
    assert project.snakemake("--touch").returncode == 0
    assert files_of(project) == before
    assert project.plan() == []
