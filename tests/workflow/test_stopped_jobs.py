"""Jobs that are killed when they have done their work and published nothing: they are due, and give the same bytes."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.workflow.conftest import Job, Project
from tests.workflow.hollow import change
from tests.workflow.kinds import build
from tests.workflow.test_plan import rules_of

RULES = ["merge", "reward", "curate", "read_source", "select_fresh", "read_fresh"]
SIGNALS = [signal.SIGTERM, signal.SIGKILL]
FEW = [("merge", signal.SIGKILL), ("read_source", signal.SIGTERM)]
ALL = [
    pytest.param(rule, number, marks=[] if (rule, number) in FEW else pytest.mark.drill)
    for rule in RULES
    for number in SIGNALS
]
# What needs these rules, and as little else as can be.
CELLS = "results/kinds/{}/seed-0/iteration-{}/{}"
TARGETS = [
    CELLS.format("merged", 2, "model"),
    CELLS.format("chosen", 1, "training.csv"),
    CELLS.format("foreign", 1, "training.csv"),
    CELLS.format("fresh", 2, "training.csv"),
]
# Python runs this before a script: the script is held where its first output would get its name.
HOLD = """
import pathlib, time

def hold(path, target):
    pathlib.Path({midway!r}).touch()
    time.sleep(1000)

pathlib.Path.replace = hold
"""


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which the experiment of `kinds.yaml` has run as far as the targets."""
    project = build(tmp_path_factory.mktemp("kinds") / "nepotism")
    result = project.snakemake(*TARGETS)
    assert result.returncode == 0, result.stdout + result.stderr
    return project


def stop_midway(project: Project, script: str, number: signal.Signals) -> None:
    """Run the workflow until a job has all but published its first output, and send a signal to all of it."""
    folder, midway = project.root / "programs", project.root / "midway"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HOLD.format(midway=str(midway)), encoding="utf-8")
    held = f'PYTHONPATH="{folder}:$PYTHONPATH" exec {sys.executable} "$@"'
    program = folder / "python"
    program.write_text(f'#!/bin/sh\ncase "$*" in\n  *scripts.{script}*) {held};;\nesac\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    with project.start(*TARGETS, programs=folder) as run:
        while not midway.is_file():
            assert run.poll() is None, run.communicate()
            time.sleep(0.05)
        os.killpg(run.pid, number)
        said = run.communicate()
    assert run.returncode != 0, said


def bytes_of(project: Project, jobs: list[Job]) -> dict[str, bytes]:
    """Return the contents of the outputs of jobs, but of the records of when and where they ran."""
    paths = [project.root / output for job in jobs for output in job.outputs]
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    return {file.relative_to(project.root).as_posix(): file.read_bytes() for file in files if file.suffix != ".json"}


@pytest.mark.parametrize(("rule", "number"), ALL)
def test_a_job_that_is_killed_before_it_publishes_is_due_and_gives_the_same_bytes(
    kinds: Project, tmp_path: Path, rule: str, number: signal.Signals
):
    assert kinds.plan(*TARGETS) == [], "the targets are there"
    project = kinds.clone(tmp_path / "nepotism")
    change(project, rule)
    before = set(project.plan(*TARGETS))
    mine = [job for job in before if job.rule == rule]
    assert mine
    stop_midway(project, rule, number)
    if number == signal.SIGKILL:
        assert project.snakemake("--unlock").returncode == 0
    assert set(project.plan(*TARGETS)) == before, "what was due is due, and no more"
    result = project.snakemake(*(output for job in mine for output in job.outputs))
    assert result.returncode == 0, result.stdout + result.stderr
    assert bytes_of(project, mine) == bytes_of(kinds, mine)
    assert bytes_of(project, mine), "there is something to compare"
    if number == signal.SIGTERM:  # What a killed process has begun stays under a hidden name.
        assert not list((project.root / "results").rglob(".*.tmp")), "a process that is told to end removes it"
    assert rule not in rules_of(project.plan(*TARGETS))
