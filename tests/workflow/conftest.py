"""A copy of the project in which one tiny experiment has really run; the tests ask what would run next."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TINY = "tests/workflow/tiny.yaml"


class Job(NamedTuple):
    """One planned job."""

    rule: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    logs: tuple[str, ...] = ()


class Project(NamedTuple):
    """A checkout of this project somewhere else, and the overlay of its experiment."""

    root: Path
    experiment: str = TINY

    def snakemake(self, *arguments: str, overlay: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        """Run snakemake on the experiment, with a further overlay where one is given."""
        with self.start(*arguments, overlay=overlay) as process:
            out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def start(
        self, *arguments: str, overlay: dict[str, Any] | None = None, programs: Path | None = None
    ) -> subprocess.Popen[str]:
        """Start snakemake, in a process group of its own; programs in the folder ``programs`` come before others."""
        files = ["config.yaml", self.experiment]
        if overlay is not None:
            (self.root / "overlay.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
            files.append("overlay.yaml")
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", *files, "--", *arguments]
        if arguments and arguments[0].startswith("-"):
            command.remove("--")
        folders = [*([str(programs)] if programs else []), str(Path(sys.executable).parent), os.environ["PATH"]]
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=os.environ | {"PATH": ":".join(folders)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def plan(self, *arguments: str, overlay: dict[str, Any] | None = None) -> list[Job]:
        """Return the jobs that snakemake would run."""
        result = self.snakemake("--dry-run", *arguments, overlay=overlay)
        assert result.returncode == 0, result.stdout + result.stderr
        text = result.stdout + result.stderr
        # The rules of a group stand further in, below its head.
        jobs = re.findall(r"^( *)(?:local)?rule (\w+):\n((?:\1    .*\n)*)", text, flags=re.M)
        kinds = ("output", "input", "log")
        return [Job(rule, *(_files(body, kind) for kind in kinds)) for _, rule, body in jobs]

    def clone(self, to: Path) -> "Project":
        """Return a copy of everything: results, time stamps and Snakemake's records."""
        subprocess.run(["cp", "-a", self.root, to], check=True)
        return self._replace(root=to)

    def copy(self, to: Path, *, with_results: bool = False) -> "Project":
        """Return another checkout of the same files, its time stamps new; results keep theirs, as `cp -a` does."""
        project = copy_checkout(self.root, to)._replace(experiment=self.experiment)
        if with_results:
            subprocess.run(["cp", "-a", self.root / "results", to], check=True)
        return project


def _files(body: str, kind: str) -> tuple[str, ...]:
    found = re.search(rf"^ +{kind}: (.*)$", body, flags=re.M)
    return tuple(re.findall(r"results/[^\s,]+", found.group(1))) if found else ()


def copy_checkout(source: Path, to: Path) -> Project:
    for name in ("Snakefile", "config.yaml"):
        to.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, to / name)
    for name in ("rules", "scripts", "envs", "profiles", "models", "report", "config", "tests/workflow"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source / name, to / name, copy_function=shutil.copyfile, ignore=ignored)
    return Project(to)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose tiny experiment has run. Tests that change its files work on a copy."""
    project = copy_checkout(ROOT, tmp_path_factory.mktemp("finished") / "nepotism")
    result = project.snakemake()
    assert result.returncode == 0, result.stdout + result.stderr
    return project


@pytest.fixture(scope="session")
def hollow_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished project that has every rule and no content; what is planned after a fault is soon seen on a copy."""
    from tests.workflow import hollow  # It needs what is above.

    return hollow.build(tmp_path_factory.mktemp("hollow") / "nepotism")


@pytest.fixture
def editable(finished: Project, tmp_path: Path) -> Callable[[str, str, str], Project]:
    """Return a function that copies the finished project, metadata and all, and edits one file of the copy."""

    def edit(name: str, old: str, new: str) -> Project:
        project = finished.clone(tmp_path / "nepotism")
        file = project.root / name
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r}"
        file.write_text(text.replace(old, new), encoding="utf-8")
        return project

    return edit


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start an S3 server; return its client, and tell Snakemake of it as a site does."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_ENDPOINT_URL", url)
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_ACCESS_KEY", "key")
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_SECRET_KEY", "secret")
    yield boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    server.stop()
