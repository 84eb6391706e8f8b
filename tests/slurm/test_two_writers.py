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
from tests.slurm.conftest import adapt, contents, driver, output
from tests.workflow.conftest import ROOT, Project, copy_checkout

# Two cells that need no other, and a fine-tune long enough to be stopped in.
CELLS = {"finetune": "results/tiny/real/seed-0/iteration-1", "generate": "results/tiny/base/seed-0/iteration-0"}
TARGETS = {
    "finetune": f"{CELLS['finetune']}/model",
    "generate": f"{CELLS['generate']}/generated.zip",
}
OVERLAY = {"finetune": {"epochs": 5}}


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which these cells have been made on this machine, without SLURM."""
    project = copy_checkout(ROOT, tmp_path_factory.mktemp("alone") / "nepotism")
    result = project.snakemake(*TARGETS.values(), overlay=OVERLAY)
    assert result.returncode == 0, result.stdout + result.stderr
    return project


@pytest.fixture
def project(alone: Project, tmp_path: Path) -> Project:
    """The same without these cells."""
    project = alone.clone(tmp_path / "nepotism")
    for cell in CELLS.values():
        shutil.rmtree(project.root / cell)
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
def test_a_lost_daemon_leaves_one_writer(cluster, project, alone, lost, rule, moment):
    cell = CELLS[rule]
    checkpoints = project.root / cell / "checkpoints"
    with driver(project, TARGETS[rule], overlay=OVERLAY) as run:
        older = Writer(cluster, rule)
        if rule == "finetune":
            until(lambda: any(checkpoints.glob("*/step-*")), 60, "no checkpoint")
        older.signal(signal.SIGSTOP)
        lost(older)
        newer = Writer(cluster, rule, not_on=older.job.node)
        assert newer.job.number == older.job.number, "SLURM has queued the job again"
        if moment == "while the newer one runs":
            newer.signal(signal.SIGSTOP)
            seen = state(project.root / cell)
            older.signal(signal.SIGCONT)
            older.wait()
            assert state(project.root / cell) == seen, "the older writer has changed a file"
            newer.signal(signal.SIGCONT)
        assert run.wait(300) == 0, output(project)
    if moment == "after the run has ended":
        seen = state(project.root / cell)
        older.signal(signal.SIGCONT)
        older.wait()
        assert state(project.root / cell) == seen, "the older writer has changed a file"
    assert "stops without writing" in older.log()
    theirs, ours = contents(alone, cell), contents(project, cell)
    assert any(name.startswith(TARGETS[rule]) for name in ours)
    assert [name for name in ours if ours[name] != theirs.get(name)] == []
    hidden = {path.name for path in (project.root / cell).rglob(".*")}
    assert hidden <= {".snakemake_timestamp"}, "what the older writer had begun is gone"
    if rule == "finetune":
        assert "resumed from" in (project.root / cell.replace("tiny", "tiny/logs") / "finetune.log").read_text()
    assert not (project.root / ".snakemake/fence").exists()


def state(cell: Path) -> dict[str, tuple[int, int]]:
    """Return the inode and the size of every file but temporary ones."""
    files = (path for path in cell.rglob("*") if path.is_file())
    found = {path.relative_to(cell): path.stat() for path in files}
    return {
        str(path): (stat.st_ino, stat.st_size)
        for path, stat in found.items()
        if not any(part.startswith(".") for part in path.parts)
    }


@pytest.mark.drill
def test_a_lost_daemon_leaves_one_writer_of_a_group(cluster, alone, lost, tmp_path):
    project = copy_checkout(ROOT, tmp_path / "nepotism")
    file = project.root / "profiles/slurm/profile.yaml"
    profile = yaml.safe_load(file.read_text())
    profile["default-resources"]["slurm_partition"] = "gpu"  # It has two nodes.
    file.write_text(yaml.safe_dump(profile))
    images, group = "results/tiny/dataset/images.zip", "dataset_catalogue_prepare_select"
    with driver(project, images, overlay=OVERLAY) as run:
        older = Writer(cluster, "prepare", job=group)
        older.signal(signal.SIGSTOP)
        lost(older)
        newer = Writer(cluster, "prepare", job=group, not_on=older.job.node)
        assert newer.job.number == older.job.number, "SLURM has queued the job again"
        assert run.wait(300) == 0, output(project)
    ours = contents(project, "results/tiny/dataset")
    older.signal(signal.SIGCONT)
    older.wait()
    assert "stops without writing" in older.log()
    assert contents(project, "results/tiny/dataset") == ours, (
        "the older writer has changed a file, or Snakemake has removed it"
    )
    theirs = contents(alone, "results/tiny/dataset")
    assert {name: theirs.get(name) for name in ours} == ours
