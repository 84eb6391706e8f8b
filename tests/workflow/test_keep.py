"""Which models stay: `execution.keep`."""

import re
from pathlib import Path

import pytest

from tests.workflow import hollow
from tests.workflow.conftest import ROOT, Project
from tests.workflow.test_plan import cells_of, rules_of

LAST = {"execution": {"keep": "last"}}
LONGER = LAST | {"arms": {"foreign": {"iterations": 3}}}


def models(project: Project) -> set[str]:
    """Return the cells, `arm/iteration`, whose model is there."""
    found = (project.root / "results/hollow").glob("*/*/*/model/*")
    return {f"{path.parts[-5]}/{path.parts[-3].removeprefix('iteration-')}" for path in found if path.name == "file"}


def models_of_all(project: Project) -> set[str]:
    """Return the cells, `arm/iteration`, that were trained or merged."""
    found = (project.root / "results/hollow").glob("*/*/*/*e.json")
    return {
        f"{path.parts[-4]}/{path.parts[-2].removeprefix('iteration-')}"
        for path in found
        if path.name in ("finetune.json", "merge.json")
    }


@pytest.fixture(scope="module")
def longer(hollow_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The finished experiment, records and all, with one arm gone on with under `keep: last`."""
    project = hollow_project.clone(tmp_path_factory.mktemp("longer") / "nepotism")
    jobs = hollow.named(project.plan("--forceall", overlay=LONGER))
    with project.start(overlay=LONGER, programs=hollow.hold(project, jobs)) as run:
        said = run.communicate()
    assert run.returncode == 0, said
    return project


def test_another_keep_plans_nothing(hollow_project: Project):
    assert hollow_project.plan(overlay=LAST) == []


def test_in_a_whole_run_all_go_but_the_last_of_each_arm(tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "fresh")
    removed = set(re.findall(r"tiny/(\S+)/model\b", removed_by(project)))
    assert removed == {"real/seed-0/iteration-1", "poison-50/seed-0/iteration-1"}


def test_a_model_goes_when_the_next_has_started_from_it(longer: Project):
    stay = {"real/1", "merged/2", "matched/1", "chosen/1", "foreign/1", "foreign/3"}
    assert models(longer) == stay
    assert models_of_all(longer) == stay | {"foreign/2"}


def test_a_second_run_has_nothing_to_do(longer: Project):
    result = longer.snakemake(overlay=LONGER)
    assert "Nothing to be done" in result.stdout + result.stderr


def test_to_keep_all_from_now_on_plans_nothing(longer: Project):
    assert models(longer) != models_of_all(longer)
    assert longer.plan(overlay={"arms": LONGER["arms"]}) == []


def test_further_iterations_start_from_the_model_that_stayed(longer: Project):
    jobs = longer.plan(overlay=LAST | {"arms": {"foreign": {"iterations": 4}}})
    assert cells_of(jobs) == {"foreign/4"}
    assert rules_of(jobs)["finetune"] == 1


def test_an_arm_that_starts_from_a_removed_model_trains_it_again(longer: Project):
    arms = LONGER["arms"] | {"late": {"parent": "foreign", "from_iteration": 2, "iterations": 1}}
    jobs = longer.plan(overlay=LAST | {"arms": arms})
    finetunes = cells_of([job for job in jobs if job.rule == "finetune"])
    assert finetunes == {"foreign/2", "foreign/3", "late/3"}, "foreign/2, and what descends from it"


def test_a_run_that_names_a_cell_needs_notemp_to_keep_its_model(tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "fresh")
    target = "results/tiny/real/seed-0/iteration-1/scores.json"
    assert "Would remove temporary output results/tiny/real/seed-0/iteration-1/model" in removed_by(project, target)
    assert "/model" not in removed_by(project, target, "--notemp")


def removed_by(project: Project, *arguments: str) -> str:
    """Return what Snakemake says that a run would remove."""
    result = project.snakemake("--dry-run", *arguments, overlay=LAST)
    assert result.returncode == 0, result.stdout + result.stderr
    return "\n".join(line for line in result.stdout.splitlines() if "Would remove" in line)
