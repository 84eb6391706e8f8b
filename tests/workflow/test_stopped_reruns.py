"""A changed rerun that fails or is stopped, at each rule: what is due is planned, and no more."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workflow import hollow
from tests.workflow.conftest import Job, Project
from tests.workflow.test_plan import rules_of


@pytest.fixture(scope="module")
def everything(hollow_project: Project) -> set[Job]:
    return hollow.every_job(hollow_project)


@pytest.fixture(scope="module")
def planned() -> dict[str, set[Job]]:
    """What a change of each rule plans, once it is known: no fault changes it."""
    return {}


@pytest.fixture
def project(hollow_project: Project, tmp_path: Path) -> Project:
    return hollow_project.clone(tmp_path / "nepotism")


@pytest.fixture
def on_a_small_disk(hollow_project: Project, tmp_path: Path) -> Iterator[Project]:
    """A project on a file system of its own that has little room."""
    used = int(subprocess.run(["du", "-sm", hollow_project.root], capture_output=True, check=True).stdout.split()[0])
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={used + 40}m", "tmpfs", disk], check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield hollow_project.clone(disk / "nepotism")
    subprocess.run(["umount", "-l", disk], check=True)


def start(project: Project, folder: Path) -> subprocess.Popen[str]:
    """Run the targets, one job after the other."""
    return project.start("--cores", "1", *hollow.TARGETS, programs=folder)


def fail(project: Project, jobs: set[Job], rule: str, does: str = "sys.exit(1)") -> None:
    """Run until all that can run has run; the jobs of the rule fail."""
    folder = hollow.hold(project, jobs, rule, does)
    with start(project, folder) as run:
        said = run.communicate()
    assert run.returncode == 1, said
    assert (folder / "held").is_file(), said


def stop(number: signal.Signals) -> Callable[[Project, set[Job], str], None]:
    """Return a function that runs until a job of the rule has begun, and then sends a signal to all processes."""

    def run_and_stop(project: Project, jobs: set[Job], rule: str) -> None:
        folder = hollow.hold(project, jobs, rule, "time.sleep(1000)")
        with start(project, folder) as run:
            while not (folder / "held").is_file():
                assert run.poll() is None, run.communicate()
                time.sleep(0.05)
            os.killpg(run.pid, number)
            said = run.communicate()
        assert run.returncode != 0, said

    return run_and_stop


def fill_the_disk(project: Project, jobs: set[Job], rule: str) -> None:
    """Run until a job of the rule has filled the disk, and on, when no job can write; make room again."""
    filler = project.root / "filler"
    fill = f"subprocess.run('cat /dev/zero > {filler}', shell=True, stderr=subprocess.DEVNULL)"
    fail(project, jobs, rule, does=f"Path(sys.argv[0]).write_text('#!/bin/sh\\nexit 1\\n'); {fill}; sys.exit(1)")
    filler.unlink()


FAULTS: dict[str, Callable[[Project, set[Job], str], None]] = {
    "fails": fail,
    "SIGTERM": stop(signal.SIGTERM),
    "Ctrl-C": stop(signal.SIGINT),
    "kill -9": stop(signal.SIGKILL),
    "full disk": fill_the_disk,
}
FEW = [("prepare", "SIGTERM"), ("unseen", "Ctrl-C"), ("finetune", "kill -9"), ("gather", "fails")]
ALL = [
    pytest.param(rule, fault, marks=[] if (rule, fault) in FEW else pytest.mark.drill)
    for rule in hollow.RULES
    for fault in FAULTS
]


def test_the_experiment_needs_every_rule(hollow_project: Project, everything: set[Job]):
    assert {job.rule for job in everything} == set(hollow.RULES)
    assert hollow.APART.keys() <= set(hollow.DECLARED)
    assert hollow_project.plan(*hollow.TARGETS) == []


@pytest.mark.parametrize(("rule", "fault"), ALL)
def test_a_changed_rule_is_stopped(
    request: pytest.FixtureRequest, everything: set[Job], planned: dict[str, set[Job]], rule: str, fault: str
):
    project = request.getfixturevalue("on_a_small_disk" if fault == "full disk" else "project")
    take_back = hollow.change(project, rule)
    if rule not in planned:
        planned[rule] = hollow.named(project.plan(*hollow.TARGETS))
    before = planned[rule]
    assert rule in rules_of(list(before))
    FAULTS[fault](project, before, rule)
    if fault in {"SIGTERM", "Ctrl-C"}:
        assert not list((project.root / ".snakemake/locks").glob("*")), "no lock is left"
    elif fault == "kill -9":
        assert project.snakemake("--unlock").returncode == 0
    hollow.expect_what_is_due(project, everything, rule, before, take_back)
