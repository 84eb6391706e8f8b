"""Faults of a cluster, one at a time: the same command, the same bytes, and no manual step in between.

All fine-tune the last iteration of one arm of a finished experiment again. A fine-tune is held at a step while it meets
its fault, so that no drill depends on how fast the machine is.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, Job, status_of, until
from tests.slurm.conftest import EXPERIMENT, SECONDS, adapt, contents, driver, output
from tests.workflow.conftest import Project

CELL = "results/tiny/poison-50/seed-0/iteration-2"
LOG = "results/tiny/logs/poison-50/seed-0/iteration-2/finetune.log"
TARGET = f"{CELL}/model"
STEP = 20  # Of 180.
# Only so that a drill that hangs ends.
LONG = 1800


@pytest.fixture
def project(reference: Project, tmp_path: Path) -> Project:
    """The finished experiment without the last iteration of one arm."""
    project = reference.clone(tmp_path / "nepotism")
    shutil.rmtree(project.root / CELL)
    (project.root / LOG).unlink()
    return project


def hold(project: Project, step: int = STEP) -> None:
    """Let the next fine-tune stop at a step, and stay there."""
    folder = project.root / "programs"
    folder.mkdir(exist_ok=True)
    program = folder / "python"
    held = f'exec {sys.executable} {Path(__file__).with_name("hold.py")} "$@"'
    program.write_text(
        f'#!/bin/sh\nif [ "$2" = scripts.finetune ]; then shift; {held}; fi\nexec {sys.executable} "$@"\n'
    )
    program.chmod(0o755)
    (project.root / "hold").write_text(str(step))


def held(cluster: Cluster, project: Project) -> Job:
    """Wait until a fine-tune is held at its step; return its job."""
    found: list[Job] = []

    def stopped() -> bool:
        found[:] = [
            job
            for job in cluster.running("finetune")
            if not (project.root / "hold").exists()
            and any(status_of(process, "State").startswith("T") for process in processes_of(cluster, job))
        ]
        return bool(found)

    until(stopped, LONG, f"no fine-tune; {output(project)}")
    return found[0]


def processes_of(cluster: Cluster, job: Job) -> list[int]:
    """Return the process that trains, while it runs."""
    found = []
    for process in cluster.processes(f"SLURM_JOB_ID={job.number}"):
        with suppress(OSError):  # It may end meanwhile.
            if b"\0scripts.finetune\0" in Path(f"/proc/{process}/cmdline").read_bytes():
                found.append(process)
    return found


def assert_same(project: Project, reference: Project) -> None:
    theirs, ours = contents(reference, CELL), contents(project, CELL)
    assert f"{TARGET}/diffusion_pytorch_model.safetensors" in ours
    assert [name for name in ours if ours[name] != theirs.get(name)] == [], "and nothing is there that should not be"


@pytest.fixture
def drill(cluster: Cluster, project: Project, reference: Project) -> Callable:
    """A function that runs the workflow, does something to it while a fine-tune is held, and expects the same bytes."""

    def run_with(name: str, fault: Callable[[Job], None], *arguments: str) -> None:
        started = time.monotonic()
        hold(project)
        with driver(project, TARGET, *arguments) as run:
            fault(held(cluster, project))
            assert run.wait(LONG) == 0, output(project)
        SECONDS[name] = time.monotonic() - started
        assert_same(project, reference)

    return run_with


def finetunes(cluster: Cluster, since: Job) -> list[Job]:
    return [job for job in cluster.jobs() if job.rule == "finetune" and int(job.number) >= int(since.number)]


def test_the_driver_is_killed_and_started_again(cluster, project, reference):
    started = time.monotonic()
    hold(project)
    with driver(project, TARGET):
        job = held(cluster, project)
        with driver(project, TARGET) as second:
            assert second.wait(LONG) != 0
        assert "already submits jobs from this folder" in output(project)
        assert cluster.running("finetune") == [job], "the second driver must leave the first one's jobs alone"
        seen = project.snakemake("status", overlay=EXPERIMENT).stdout
        assert re.search(r"^running\n  poison-50/seed-0/iteration-2  finetune ", seen, flags=re.M), seen
    with driver(project, TARGET) as again:
        assert again.wait(LONG) == 0, output(project)
    SECONDS["snakemake killed with -9, started again"] = time.monotonic() - started
    first, second_job = finetunes(cluster, job)
    assert second_job.started >= first.ended, "two jobs wrote the same files"
    assert "resumed from" in (project.root / LOG).read_text()
    assert_same(project, reference)


def test_a_finetune_is_canceled(project, drill):
    drill("scancel of a fine-tune", lambda job: subprocess.run(["scancel", job.number], check=True))
    assert "resumed from" in (project.root / LOG).read_text()


def test_an_arm_that_fails_for_good_stops_no_other_arm(cluster, project, reference):  # noqa: ARG001
    other = "results/tiny/real/seed-0/iteration-2"
    shutil.rmtree(project.root / other)
    arms = EXPERIMENT["arms"] | {"poison-50": {"iterations": 2, "finetune": {"learning_rate": 1.0e30}}}
    targets = [f"{other}/generated.zip", f"{CELL}/generated.zip"]
    with driver(project, *targets, "--retries", "1", overlay=EXPERIMENT | {"arms": arms}) as run:
        assert run.wait(LONG) == 1, output(project)
    theirs, ours = contents(reference, other), contents(project, other)
    assert f"{other}/generated.zip" in ours
    assert [name for name in ours if ours[name] != theirs.get(name)] == []
    said = output(project)
    assert "lower finetune.learning_rate" in said
    end = said[said.rindex("Failed:") :]
    assert "poison-50/seed-0/iteration-1  finetune" in end
    assert "results/tiny/logs/poison-50/seed-0/iteration-1/finetune.log" in end


@pytest.mark.drill
def test_no_fault(cluster, project, reference):  # noqa: ARG001
    started = time.monotonic()
    with driver(project, TARGET) as run:
        assert run.wait(LONG) == 0, output(project)
    SECONDS["compose and finetune on SLURM, undisturbed; each fault costs more:"] = time.monotonic() - started
    assert_same(project, reference)


@pytest.mark.drill
def test_a_finetune_is_killed_five_times(cluster, project, drill):
    adapt(project, "finetune", checkpoint_minutes=0)
    rng = random.Random(0)

    def kill(job: Job) -> None:
        for count in range(5):
            if count < 4:
                hold(project, rng.randrange(1, 30))
            os.kill(processes_of(cluster, job)[0], signal.SIGKILL)
            if count < 4:
                job = held(cluster, project)

    drill("a fine-tune killed 5 times with -9", kill, "--retries", "5")


@pytest.mark.drill
def test_a_finetune_reaches_its_time_limit(cluster, project, drill):
    # SLURM counts in minutes, and sends the signal up to one earlier than it is asked to.
    adapt(project, "finetune", runtime="1 + attempt", slurm_extra="'--signal=TERM@20'")

    def wait_until_signaled(job: Job) -> None:  # SLURM continues it for that.
        (process,) = processes_of(cluster, job)
        until(lambda: process not in processes_of(cluster, job), LONG, "no SIGTERM")

    drill("a fine-tune over its time limit", wait_until_signaled)
    assert "resumed from" in (project.root / LOG).read_text()


@pytest.mark.drill
def test_a_finetune_is_preempted(cluster, project, drill):
    def preempt(job: Job) -> None:
        urgent = f"sbatch --partition=urgent --gpus=1 --nodelist={job.node} --mem=100 --wrap 'sleep 5'"
        subprocess.run(urgent, shell=True, check=True, cwd=project.root)
        until(lambda: not [j for j in cluster.running("finetune") if j.number == job.number], LONG, "not preempted")

    drill("preemption by a higher partition", preempt)
    assert "resumed from" in (project.root / LOG).read_text()


@pytest.mark.drill
def test_a_node_crashes(cluster, project, drill):
    adapt(project, "finetune", checkpoint_minutes=0)

    def crash(job: Job) -> None:
        assert any((project.root / CELL / "checkpoints").rglob("step-*"))
        cluster.kill_node(job.node)
        until(lambda: not [j for j in cluster.running("finetune") if j.node == job.node], LONG, "not requeued")
        cluster.start_node(job.node)

    drill("the node of a fine-tune crashes", crash)
    assert "resumed from" in (project.root / LOG).read_text()


@pytest.mark.drill
def test_the_controller_is_restarted(cluster, drill):
    def restart(job: Job) -> None:
        cluster.kill("slurmctld", signal.SIGTERM)
        (process,) = processes_of(cluster, job)
        os.kill(process, signal.SIGCONT)
        until(lambda: process not in processes_of(cluster, job), LONG, "the fine-tune does not end")
        time.sleep(45)
        cluster.start_controller()

    drill("slurmctld down for 45 s", restart)


@pytest.mark.drill
def test_a_finetune_needs_more_memory_than_it_asked_for(cluster, project, reference):
    adapt(project, "finetune", mem_mb="600 * attempt")
    started = time.monotonic()
    with driver(project, TARGET) as run:
        assert run.wait(LONG) == 0, output(project)
    SECONDS["a fine-tune over its memory"] = time.monotonic() - started
    failed = [job for job in cluster.jobs() if job.rule == "finetune"][-2]
    assert failed.state in {"FAILED", "OUT_OF_MEMORY"}
    assert_same(project, reference)


@pytest.mark.drill
def test_the_disk_is_full_and_then_freed(cluster, project, reference):  # noqa: ARG001
    results, kept = project.root / "results", project.root / "kept"
    results.rename(kept)
    results.mkdir()
    used = sum(path.stat().st_size for path in kept.rglob("*")) // 1024 + 1500
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={used}k", "tmpfs", results], check=True)
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", results], check=True)
        started = time.monotonic()
        with driver(project, TARGET, "--retries", "0") as run:
            assert run.wait(LONG) == 1, output(project)
        assert "No space left" in output(project)
        assert not list((project.root / CELL).glob("model/*.safetensors")), "nothing half-written under its name"
        subprocess.run(["mount", "-o", "remount,size=1g", results], check=True)
        with driver(project, TARGET) as run:
            assert run.wait(LONG) == 0, output(project)
        SECONDS["a full disk, freed, started again"] = time.monotonic() - started
        assert_same(project, reference)
    finally:
        subprocess.run(["umount", results], check=True)
