"""A cluster, an experiment that was run without it, and the command that runs it on the cluster."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.slurm.cluster import Cluster, why_not
from tests.workflow.conftest import ROOT, Project, copy_checkout

# On tests/workflow/tiny.yaml: two arms of two iterations, whose fine-tunes last long enough to be interrupted.
EXPERIMENT: dict[str, Any] = {
    "finetune": {"epochs": 30},
    "arms": {"color-matched": None, "culled": None, "healed": None},
}
FAST = ["--seconds-between-status-checks", "1", "--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5"]
# What a second run writes differently: when, where and how long.
VARYING = {"finetune.json", "unseen.json", "shard-0.json", "validation.json", "merge.json", "costs.csv", "costs.html"}
SECONDS: dict[str, float] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests have timed."""
    if SECONDS:
        terminalreporter.section("seconds")
        for name, seconds in SECONDS.items():
            terminalreporter.write_line(f"{seconds:6.1f}  {name}")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running SLURM; tests skip where it cannot be started."""
    if reason := why_not():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    # Not in pytest's folder: munged refuses a socket under a folder that only root may enter.
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        cluster = Cluster(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


WHOLE = "the whole experiment without SLURM"


@pytest.fixture(scope="session")
def reference(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Project:  # noqa: ARG001
    """A project whose models have been trained and have made images on this machine, without SLURM."""
    project = copy_checkout(ROOT, tmp_path_factory.mktemp("reference") / "nepotism")
    _run_here(project, *(f"results/tiny/{arm}/seed-0/iteration-2/generated.zip" for arm in ("real", "poison-50")))
    return project


@pytest.fixture(scope="session")
def whole(reference: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same experiment, with everything that it makes."""
    project = reference.clone(tmp_path_factory.mktemp("whole") / "nepotism")
    _run_here(project)
    return project


def _run_here(project: Project, *targets: str) -> None:
    started = time.monotonic()
    result = project.snakemake(*targets, overlay=EXPERIMENT)
    assert result.returncode == 0, result.stdout + result.stderr
    SECONDS[WHOLE] = SECONDS.get(WHOLE, 0.0) + time.monotonic() - started


def adapt(project: Project, rule: str, **resources: Any) -> None:
    """Change the resources of a rule in the profile of a project."""
    file = project.root / "profiles/slurm/profile.yaml"
    profile = yaml.safe_load(file.read_text())
    profile["set-resources"][rule] |= resources
    file.write_text(yaml.safe_dump(profile))


@contextmanager
def driver(
    project: Project, *arguments: str, overlay: dict[str, Any] = EXPERIMENT, polling: list[str] = FAST
) -> Iterator[subprocess.Popen]:
    """Run the workflow on the cluster; its output is in `driver.log`. Killed at the end, if it still runs."""
    (project.root / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    files = ["config.yaml", project.experiment, "overlay.yaml"]
    command = [sys.executable, "-m", "snakemake", *arguments, "--workflow-profile", "profiles/slurm", *polling]
    # What a drill puts into `programs` comes before the real ones.
    folders = f"{project.root}/programs:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": folders}
    with (project.root / "driver.log").open("a") as log:
        process = subprocess.Popen(
            [*command, "--configfile", *files], cwd=project.root, env=environment, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def output(project: Project) -> str:
    return (project.root / "driver.log").read_text()


def contents(project: Project, folder: str = "results/tiny") -> dict[str, bytes]:
    """Return the results that must not depend on where and how they were made."""
    files = (path for path in (project.root / folder).rglob("*") if path.is_file())
    found = {path.relative_to(project.root).as_posix(): path for path in files}
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if path.name not in VARYING and not {"logs", "benchmarks", "figures"} & set(path.parts)
    }
