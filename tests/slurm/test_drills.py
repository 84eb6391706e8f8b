"""Faults of a cluster, one at a time: the same command, the same bytes, and no manual step in between.

All fine-tune the last iteration of one arm of a finished experiment anew.
"""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, Job, until
from tests.slurm.conftest import LOST, contents, driver, output
from tests.workflow.conftest import Project

pytestmark = pytest.mark.drill

CELL = "results/tiny/poison-50/seed-0/iteration-2"
LOG = "results/tiny/logs/poison-50/seed-0/iteration-2/finetune.log"
TARGET = f"{CELL}/unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def project(reference: Project, tmp_path: Path) -> Project:
    """The finished experiment without the last iteration of one arm."""
    root = tmp_path / "nepotism"
    subprocess.run(["cp", "-a", reference.root, root], check=True)
    shutil.rmtree(root / CELL)
    (root / LOG).unlink()
    return Project(root)


@pytest.fixture(scope="session")
def undisturbed(cluster: Cluster, reference: Project, tmp_path_factory: pytest.TempPathFactory) -> float:  # noqa: ARG001
    """Seconds that the jobs of the drills take without a fault."""
    root = tmp_path_factory.mktemp("undisturbed") / "nepotism"
    subprocess.run(["cp", "-a", reference.root, root], check=True)
    shutil.rmtree(root / CELL)
    started = time.monotonic()
    with driver(Project(root), TARGET) as run:
        assert run.wait(300) == 0, output(Project(root))
    LOST.append(("(compose and finetune, undisturbed)", time.monotonic() - started))
    return time.monotonic() - started


def training(cluster: Cluster, project: Project, *, after: str = "") -> Job:
    """Wait until a fine-tune other than the job ``after`` is in its loop; return its job."""
    found: list[Job] = []

    def in_loop() -> bool:
        found[:] = [job for job in cluster.running("finetune") if job.number != after and processes_of(cluster, job)]
        return bool(found) and "finetune:" in (project.root / LOG).read_text()

    until(in_loop, 120, f"no fine-tune; {output(project)}")
    return found[0]


def processes_of(cluster: Cluster, job: Job) -> list[int]:
    """Return the process that trains, once it runs."""
    return [
        process
        for process in cluster.processes(f"SLURM_JOB_ID={job.number}")
        if Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"python\0-m\0scripts.finetune")
    ]


def assert_same(project: Project, reference: Project) -> None:
    theirs, ours = contents(reference, CELL), contents(project, CELL)
    assert TARGET in ours
    assert [name for name in ours if ours[name] != theirs.get(name)] == [], "and nothing is there that should not be"


def finetunes(cluster: Cluster, since: Job) -> list[Job]:
    return [job for job in cluster.jobs() if job.rule == "finetune" and int(job.number) >= int(since.number)]


def test_the_driver_is_killed_and_started_again(cluster, project, reference, undisturbed):
    started = time.monotonic()
    with driver(project, TARGET):
        job = training(cluster, project)
        with driver(project, TARGET) as second:
            assert second.wait(60) != 0
        assert "already submits jobs from this folder" in output(project)
        assert cluster.running("finetune") == [job], "the second driver must leave the first one's jobs alone"
    with driver(project, TARGET) as again:
        assert again.wait(300) == 0, output(project)
    LOST.append(("snakemake killed with -9, started again", time.monotonic() - started - undisturbed))
    first, second_job = finetunes(cluster, job)
    assert second_job.started >= first.ended, "two jobs wrote the same files"
    assert "resumed from" in (project.root / LOG).read_text()
    assert_same(project, reference)
