"""Which U-Nets stay: `execution.keep`."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, Project
from tests.workflow.test_plan import cells_of, rules_of

LAST = {"execution": {"keep": "last"}}
LONGER = LAST | {"arms": {"real": {"iterations": 3}}}


def unets(project: Project) -> set[str]:
    """Return the cells, `arm/iteration`, whose U-Net is there."""
    found = (project.root / "results/tiny").glob("*/*/*/model/diffusion_pytorch_model.safetensors")
    return {f"{path.parts[-5]}/{path.parts[-3].removeprefix('iteration-')}" for path in found}


def unets_of_all(project: Project) -> set[str]:
    """Return the cells, `arm/iteration`, that were fine-tuned."""
    found = (project.root / "results/tiny").glob("*/*/*/finetune.json")
    return {f"{path.parts[-4]}/{path.parts[-2].removeprefix('iteration-')}" for path in found}


@pytest.fixture(scope="module")
def longer(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The finished experiment, records and all, with one arm gone on with under `keep: last`."""
    root = tmp_path_factory.mktemp("longer") / "nepotism"
    subprocess.run(["cp", "-a", finished.root, root], check=True)
    project = Project(root)
    result = project.snakemake(overlay=LONGER)
    assert result.returncode == 0, result.stdout + result.stderr
    return project


def test_another_keep_plans_nothing(finished: Project):
    assert finished.plan(overlay=LAST) == []


def test_in_a_whole_run_all_go_but_the_last_of_each_arm(tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "fresh")
    removed = set(re.findall(r"tiny/(\S+)/model\b", removed_by(project)))
    assert removed == {"real/seed-0/iteration-1", "poison-50/seed-0/iteration-1"}


def test_a_u_net_goes_when_the_next_has_started_from_it(longer: Project):
    assert unets(longer) == {
        "real/1",
        "real/3",
        "poison-50/1",
        "poison-50/2",
        "color-matched/1",
        "culled/1",
        "healed/2",
    }
    assert (longer.root / "results/tiny/real/seed-0/iteration-2/finetune.json").is_file()


def test_a_second_run_has_nothing_to_do(longer: Project):
    result = longer.snakemake(overlay=LONGER)
    assert "Nothing to be done" in result.stdout + result.stderr


def test_to_keep_all_from_now_on_plans_nothing(longer: Project):
    assert unets(longer) != unets_of_all(longer)
    assert longer.plan(overlay={"arms": LONGER["arms"]}) == []


def test_further_iterations_start_from_the_u_net_that_stayed(longer: Project):
    jobs = longer.plan(overlay=LAST | {"arms": {"real": {"iterations": 4}}})
    assert cells_of(jobs) == {"real/4"}
    assert rules_of(jobs)["finetune"] == 1


def test_an_arm_that_starts_from_a_removed_u_net_trains_it_again(longer: Project):
    arms = {"real": {"iterations": 3}, "late": {"parent": "real", "from_iteration": 2, "iterations": 1}}
    jobs = longer.plan(overlay=LAST | {"arms": arms})
    finetunes = cells_of([job for job in jobs if job.rule == "finetune"])
    assert finetunes == {"real/2", "real/3", "late/3"}, "real/2, and what descends from it"


def test_a_run_that_names_a_cell_needs_notemp_to_keep_its_u_net(tmp_path: Path):
    project = Project(ROOT).copy(tmp_path / "fresh")
    target = "results/tiny/real/seed-0/iteration-1/scores.json"
    assert "Would remove temporary output results/tiny/real/seed-0/iteration-1/model" in removed_by(project, target)
    assert "/model" not in removed_by(project, target, "--notemp")


def removed_by(project: Project, *arguments: str) -> str:
    """Return what Snakemake says that a run would remove."""
    result = project.snakemake("--dry-run", *arguments, overlay=LAST)
    assert result.returncode == 0, result.stdout + result.stderr
    return "\n".join(line for line in result.stdout.splitlines() if "Would remove" in line)
