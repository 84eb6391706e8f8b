"""A daemon of a node dies alone: its job runs on, is queued again, and runs on another node too.

The older writer is stopped until the newer one is where the drill wants it: nothing depends on a machine's speed.
"""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from tests.slurm.cluster import Cluster, Job, until
from tests.slurm.conftest import EXPERIMENT, adapt, contents, driver, output
from tests.workflow.conftest import ROOT, Project, copy_checkout

CELL = "results/tiny/poison-50/seed-0/iteration-2"
TARGETS = {"finetune": f"{CELL}/unet/diffusion_pytorch_model.safetensors", "generate": f"{CELL}/generated.zip"}


@pytest.fixture
def project(reference: Project, tmp_path: Path) -> Project:
    """The finished experiment without the last iteration of one arm."""
    project = reference.clone(tmp_path / "nepotism")
    shutil.rmtree(project.root / CELL)
    adapt(project, "finetune", checkpoint_minutes=0)
    return project


class Writer:
    """A script of a job on one node."""

    def __init__(self, cluster: Cluster, script: str, *, job: str | None = None, not_on: str = "") -> None:
        """Wait for it; the job of most is a rule of the same name."""
        found: list[tuple[Job, int]] = []

        def runs() -> bool:
            jobs = [each for each in cluster.running(job or script) if each.node != not_on]
            found[:] = [(each, process) for each in jobs for process in _processes_of(script, cluster, each)]
            return bool(found)

        until(runs, 180, f"no {script}")
        self.cluster = cluster
        self.job, self.process = found[0]
        # The newer writer removes the log of the older: keep it open.
        self._log = os.open(f"/proc/{self.process}/fd/1", os.O_RDONLY)

    def log(self) -> str:
        return os.pread(self._log, 2**20, 0).decode()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process, number)

    def wait(self) -> None:
        """Wait for its end, and that of the Snakemake that has started it."""
        until(lambda: not _processes(self.cluster, self.job), 120, "the older writer does not end")


def _processes(cluster: Cluster, job: Job) -> set[int]:
    """Return what runs for a job on its node; a job that was queued again has the same number on another."""
    return {*cluster.processes(f"SLURM_JOB_ID={job.number}")} & {*cluster.processes(f"SLURMD_NODENAME={job.node}")}


def _processes_of(script: str, cluster: Cluster, job: Job) -> list[int]:
    found = []
    for process in _processes(cluster, job):
        with suppress(OSError):  # It may end meanwhile.
            words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
            if words[:3] == [b"python", b"-m", f"scripts.{script}".encode()]:
                found.append(process)
    return found


@pytest.fixture
def lost(cluster: Cluster) -> Iterator[Callable[[Writer], None]]:
    """A function that kills the daemon of a writer's node, and nothing else of it; mended at the end."""
    nodes = []

    def lose(writer: Writer) -> None:
        nodes.append(writer.job.node)
        cluster.kill(writer.job.node, signal.SIGKILL)

    yield lose
    for node in nodes:
        cluster.kill_node(node)
        cluster.start_node(node)
    until(lambda: not cluster.down(), 60, "the nodes do not come back")


@pytest.mark.drill
@pytest.mark.parametrize("moment", ["while the newer one runs", "after the run has ended"])
@pytest.mark.parametrize("rule", ["finetune", "generate"])
def test_a_lost_daemon_leaves_one_writer(cluster, project, reference, lost, rule, moment):
    checkpoints = project.root / CELL / "checkpoints"
    with driver(project, TARGETS[rule]) as run:
        older = Writer(cluster, rule)
        if rule == "finetune":
            until(lambda: any(checkpoints.glob("*/step-*")), 60, "no checkpoint")
        older.signal(signal.SIGSTOP)
        lost(older)
        newer = Writer(cluster, rule, not_on=older.job.node)
        assert newer.job.number == older.job.number, "SLURM has queued the job again"
        if moment == "while the newer one runs":
            newer.signal(signal.SIGSTOP)
            seen = state(project)
            older.signal(signal.SIGCONT)
            older.wait()
            assert state(project) == seen, "the older writer has changed a file"
            newer.signal(signal.SIGCONT)
        assert run.wait(300) == 0, output(project)
    if moment == "after the run has ended":
        seen = state(project)
        older.signal(signal.SIGCONT)
        older.wait()
        assert state(project) == seen, "the older writer has changed a file"
    assert "stops without writing" in older.log()
    theirs, ours = contents(reference, CELL), contents(project, CELL)
    assert TARGETS[rule] in ours
    assert [name for name in ours if ours[name] != theirs.get(name)] == []
    assert not list((project.root / CELL).rglob(".*")), "what the older writer had begun is gone"
    if rule == "finetune":
        assert "resumed from" in (project.root / CELL.replace("tiny", "tiny/logs") / "finetune.log").read_text()
    assert not (project.root / ".snakemake/fence").exists()


def state(project: Project) -> dict[str, tuple[int, int]]:
    """Return the inode and the size of every result."""
    found = {}
    for path in (project.root / CELL).rglob("*"):
        if not any(part.startswith(".") for part in path.relative_to(project.root).parts) and path.is_file():
            found[str(path)] = (path.stat().st_ino, path.stat().st_size)
    return found


@pytest.mark.drill
def test_a_lost_daemon_leaves_one_writer_of_a_group(cluster, lost, tmp_path):
    project = copy_checkout(ROOT, tmp_path / "nepotism")
    file = project.root / "profiles/slurm/profile.yaml"
    profile = yaml.safe_load(file.read_text())
    profile["default-resources"]["slurm_partition"] = "gpu"  # It has two nodes.
    file.write_text(yaml.safe_dump(profile))
    images, group = "results/tiny/dataset/images.zip", "dataset_catalogue_prepare_select"
    with driver(project, images) as run:
        older = Writer(cluster, "prepare", job=group)
        older.signal(signal.SIGSTOP)
        lost(older)
        newer = Writer(cluster, "prepare", job=group, not_on=older.job.node)
        assert newer.job.number == older.job.number, "SLURM has queued the job again"
        assert run.wait(300) == 0, output(project)
    ours = contents(project)
    older.signal(signal.SIGCONT)
    older.wait()
    assert "stops without writing" in older.log()
    assert contents(project) == ours, "the older writer has changed a file, or Snakemake has removed it"
    alone = copy_checkout(ROOT, tmp_path / "alone")
    result = alone.snakemake(images, overlay=EXPERIMENT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert contents(alone) == ours
