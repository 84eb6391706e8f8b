"""A SLURM cluster on this machine: munged, slurmctld and a slurmd for each virtual node, with fake GPUs."""

import os
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# The plugin's jobstep 0.6.1 strips SLURM_CONF from what the inner `srun` of a job sees, so the file must lie here.
SYSTEM = Path("/etc/slurm")
FILES = ("slurm.conf", "gres.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
NODES = ("c1", "g1", "g2")


def why_not() -> str | None:
    """Return why no cluster can be started here, or None."""
    if os.getuid() != 0:
        return "needs root"
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"needs {', '.join(missing)} (Debian: munge slurmctld slurmd slurm-client)"
    if any((SYSTEM / name).exists() and not (SYSTEM / name).is_symlink() for name in FILES):
        return f"{SYSTEM} has the configuration of a real cluster"
    return None


class Job(NamedTuple):
    """What the controller knows of a job."""

    number: str
    state: str
    partition: str
    node: str
    gpus: int
    rule: str
    started: str
    ended: str


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until ``condition`` holds; ``TimeoutError`` says ``what`` did not come."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.1)


class Cluster:
    """One CPU node and two GPU nodes of one GPU each, in partitions `cpu`, `gpu` and `urgent`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self) -> None:
        """Write the configuration, start the daemons and wait until every node takes work."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o755)
        conf = (Path(__file__).with_name("slurm.conf")).read_text().replace("{folder}", str(self.folder))
        (self.folder / "slurm.conf").write_text(conf)
        # SLURM sets CUDA_VISIBLE_DEVICES for GPUs that are character devices only.
        for node in ("g1", "g2"):
            os.mknod(self.folder / f"gpu-{node}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        lines = [f"NodeName={node} Name=gpu Type=fake File={self.folder}/gpu-{node}" for node in ("g1", "g2")]
        (self.folder / "gres.conf").write_text("\n".join(["AutoDetect=off", *lines]) + "\n")
        prolog = self.folder / "prolog"
        prolog.write_text(f'#!/bin/sh\necho "$SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES-none}}" >> {self.folder}/devices\n')
        prolog.chmod(0o755)
        SYSTEM.mkdir(exist_ok=True)
        for name in FILES:
            (SYSTEM / name).unlink(missing_ok=True)
            (SYSTEM / name).symlink_to(self.folder / name)

        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        files = {"key-file": key, "socket": self.folder / "munge.sock", "pid-file": self.folder / "munged.pid"}
        files |= {"log-file": self.folder / "munged.log", "seed-file": self.folder / "munged.seed"}
        subprocess.run(["munged", *(f"--{key}={path}" for key, path in files.items())], check=True)
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        until(lambda: len(self._lines("sinfo", "-hN", "-tidle", "-o%N")) >= 5, 30, "the nodes are not idle")

    def stop(self) -> None:
        """Cancel all jobs and end the daemons."""
        if left := self._lines("squeue", "--noheader", "--format=%A"):
            self._lines("scancel", "--signal=KILL", *left)
            self._lines("scancel", *left)
        for node in NODES:
            self.kill_node(node)
        self.kill("slurmctld", signal.SIGTERM)
        self.kill("munged", signal.SIGTERM)
        for name in FILES:
            (SYSTEM / name).unlink(missing_ok=True)

    def start_controller(self) -> None:
        subprocess.run(["slurmctld"], check=True)
        until(
            lambda: self._lines("scontrol", "ping")[:1] and "UP" in self._lines("scontrol", "ping")[0], 30, "slurmctld"
        )

    def start_node(self, node: str) -> None:
        subprocess.run(["slurmd", "-N", node], check=True)

    def kill_node(self, node: str) -> None:
        """Kill a node's daemon and the jobs that run on it, as a crash does."""
        tasks = self.processes(f"SLURMD_NODENAME={node}")
        self.kill(node, signal.SIGKILL)
        # The step daemons first: they would tell the controller that their tasks have failed.
        steps = {parent for task in tasks if _name(parent := _parent(task)) == "slurmstepd"}
        for process in [*steps, *tasks]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def kill(self, daemon: str, number: signal.Signals) -> None:
        """Send a signal to one of this cluster's daemons, by its pid file, and wait until it has ended."""
        file = self.folder / f"{daemon}.pid"
        if not file.exists():
            return
        process = int(file.read_text())
        if _name(process) == ("slurmd" if daemon in NODES else daemon):
            os.kill(process, number)
            until(lambda: not _name(process), 30, f"{daemon} does not end")

    def processes(self, word: str) -> list[int]:
        """Return the processes of this cluster's jobs that have ``word``, NAME=VALUE, in their environment."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if word.encode() in words and any(part.startswith(b"SLURM") for part in words):
                found.append(int(folder.name))
        return found

    def jobs(self) -> list[Job]:
        """Return every job of the last hour."""
        found = []
        for line in self._lines("scontrol", "--oneliner", "--details", "show", "job"):
            fields = dict(re.findall(r"(\S+?)=(.*?)(?=\s\S+?=|\s*$)", line))
            if "JobId" not in fields:  # "No jobs in the system"
                continue
            gpus = re.search(r"GRES=gpu(?::\w+)?:(\d+)", line)
            rule = re.sub(r"^rule_(\w+?)(_wildcards_.*)?$", r"\1", fields.get("Comment", "").strip())
            found.append(
                Job(
                    number=fields["JobId"],
                    state=fields["JobState"],
                    partition=fields["Partition"],
                    node=fields.get("NodeList", ""),
                    gpus=int(gpus[1]) if gpus else 0,
                    rule=rule,
                    started=fields["StartTime"],
                    ended=fields["EndTime"],
                )
            )
        return found

    def running(self, rule: str) -> list[Job]:
        return [job for job in self.jobs() if job.rule == rule and job.state == "RUNNING"]

    def down(self) -> set[str]:
        """Return the nodes that the controller has given up."""
        return set(self._lines("sinfo", "--noheader", "--Node", "--states=down", "--format=%N"))

    def devices(self) -> dict[str, set[str]]:
        """Return the values of CUDA_VISIBLE_DEVICES that the tasks of each job had; `none` is unset."""
        seen: dict[str, set[str]] = {}
        for line in (self.folder / "devices").read_text().splitlines():
            job, device = line.split()
            seen.setdefault(job, set()).add(device)
        return seen

    def _lines(self, *command: str) -> list[str]:
        result = subprocess.run(["timeout", "10", *command], check=False, capture_output=True, text=True)
        return result.stdout.splitlines()


def status_of(process: int, key: str) -> str:
    """Return a line of /proc/PID/status, or nothing for a process that has ended (a zombie has, too)."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return "" if fields["State"].startswith("Z") else fields[key].strip()


def _name(process: int) -> str:
    return status_of(process, "Name")


def _parent(process: int) -> int:
    return int(status_of(process, "PPid") or 0)
