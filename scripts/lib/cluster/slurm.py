"""What a run on SLURM needs beyond settings: one driver per folder, one writer per output, no orphans, mended faults.

The driver is the `snakemake` that submits the jobs, on a login node. When it is killed (-9, out of
memory, a reboot), its jobs run on, and Snakemake neither adopts nor ends them.
"""

import fcntl
import hashlib
import os
import platform
import subprocess
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.lib.base import fence

MENDED = "2.8.0"
LOST_AFTER = 5


class DriverError(RuntimeError):
    """Another driver submits jobs from this folder."""


def hold(lock: Path) -> None:
    """Take the lock file of a folder for as long as this process lives; the kernel frees it, even after kill -9.

    Raises:
        DriverError: another process has it; the message says which.
    """
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR)  # Never closed, and not inherited by children.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DriverError(
            f"{lock}: {lock.read_text().strip()} already submits jobs from this folder; wait for it or stop it, or run "
            "another experiment in a clone of its own"
        ) from None
    os.truncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode())


def held(lock: Path) -> bool:
    """Say whether a process that lives has the lock file of a folder."""
    if not lock.is_file():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def orphans(prefix: str, folder: Path) -> list[str]:
    """Return the ids of the user's queued or running jobs that have ``prefix`` in their name and work in ``folder``."""
    command = ["squeue", "--me", "--noheader", "--format=%A|%j|%Z"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    jobs = [line.split("|", 2) for line in lines]
    return sorted({number for number, name, place in jobs if name.startswith(f"{prefix}_") and place == str(folder)})


def cancel_orphans(prefix: str, folder: Path) -> None:
    """Cancel what a killed driver left behind, and wait until it is gone: no file gets two writers.

    A fine-tune saves its state when it is canceled, and its next job resumes from there.
    """
    if jobs := orphans(prefix, folder):
        print(f"Canceling the SLURM jobs of a run that was killed: {' '.join(jobs)}", flush=True)
        subprocess.run(["scancel", *jobs], check=True)
    while orphans(prefix, folder):
        time.sleep(1)


def fence_jobs(job_class: Any, folder: Path) -> None:
    """On a node: let a job claim its outputs before it starts, and let Snakemake remove none of them there.

    Snakemake removes a job's outputs before it starts and after it has failed, whoever wrote them. Neither is needed:
    an output is replaced as a whole, and the driver still removes what a failed job leaves.

    Args:
        job_class: ``snakemake.jobs.Job``.
        folder: where the tokens of all jobs lie (see ``fence``).
    """
    # Snakemake starts twice on a node, and hides this from the second, which runs the jobs.
    restarts = int(os.environ.setdefault("NEPOTISM_RESTARTS", os.environ.get("SLURM_RESTART_COUNT", "0")))
    owner = {
        "job": os.environ["SLURM_JOB_ID"],
        "restarts": restarts,
        "node": os.environ.get("SLURMD_NODENAME", platform.node()),
    }

    async def claim_outputs(job: Any) -> None:
        outputs = hashlib.sha256(str(job.output[0]).encode()).hexdigest()[:16]  # No two jobs have one in common.
        fence.claim(folder / f"{job.rule.name}-{outputs}", owner)
        for log in job.log:  # An older writer has the file open: it keeps that one, and the newer gets its own.
            await log.remove(remove_non_empty_dir=False)

    async def leave_outputs(job: Any, skip_outputs: Any) -> None:
        pass

    job_class.remove_existing_output = claim_outputs
    job_class.cleanup = leave_outputs


def mend(plugin: Any) -> None:
    """Mend faults of snakemake-executor-plugin-slurm 2.8.0 that no setting reaches; another version is left alone.

    - The pause between two polls grows by 10 s whenever nothing has ended, up to 180 s. It is capped
      at Snakemake's `seconds-between-status-checks`, which the plugin ignores.
    - When the status query fails (the controller is down), the plugin forgets all active jobs, and the
      run waits for ever. They stay active.
    - A job that the controller has lost (killed before it saved its state) is waited for for ever. It
      fails after ``LOST_AFTER`` polls without it, so that `retries` submits it again.
    """
    if version("snakemake-executor-plugin-slurm") != MENDED:
        return
    check, query = plugin.Executor.check_active_jobs, plugin.query_job_status
    answers: list[dict[str, str] | None] = []
    unseen: Counter[str] = Counter()

    async def query_and_keep(*arguments: Any) -> Any:
        answer = await query(*arguments)
        answers.append(answer[0])
        return answer

    async def check_active_jobs(self: Any, active_jobs: list[Any]) -> Any:
        answers.clear()
        left = [job async for job in check(self, active_jobs)]
        answer = answers[-1] if answers else None
        for job in active_jobs if answer is None else left:
            number = job.external_jobid
            unseen[number] = 0 if answer is None or number in answer else unseen[number] + 1
            if unseen[number] == LOST_AFTER:
                self.report_job_error(job, msg=f"SLURM no longer knows job {number}. ")
            else:
                yield job
        pause = self.workflow.remote_execution_settings.seconds_between_status_checks
        self.next_seconds_between_status_checks = min(self.next_seconds_between_status_checks, pause)

    plugin.query_job_status, plugin.Executor.check_active_jobs = query_and_keep, check_active_jobs
