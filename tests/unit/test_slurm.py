"""What a run on SLURM needs beyond settings, without a SLURM: fake commands, but the real plugin."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import snakemake_executor_plugin_slurm as plugin

from scripts.lib.base.code import ROOT
from scripts.lib.cluster import slurm

HOLD = "import sys; from pathlib import Path; from scripts.lib.cluster.slurm import hold; hold(Path(sys.argv[1])); "


def test_a_folder_has_one_driver_and_a_killed_one_leaves_no_lock(tmp_path):
    lock = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD + "print('held', flush=True); sys.stdin.read()", str(lock)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(slurm.DriverError, match=f"process {first.pid} on .* already submits"):
            slurm.hold(lock)
        assert slurm.held(lock)
        first.kill()
    assert not slurm.held(lock)
    slurm.hold(lock)
    assert f"process {os.getpid()} " in lock.read_text()


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """A `squeue` that prints a file, and a `scancel` that empties it and keeps its arguments."""
    for name, text in {
        "squeue": f"cat {tmp_path}/queue",
        "scancel": f'echo "$@" > {tmp_path}/canceled; : > {tmp_path}/queue',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "queue").write_text(
        "7|nepotism_1b-2|/here\n8|nepotism_3c|/elsewhere\n9|other|/here\n7|nepotism_1b-2|/here\n"
    )
    return tmp_path


def test_only_jobs_of_this_workflow_in_this_folder_are_orphans(queue):
    slurm.cancel_orphans("nepotism", Path("/here"))
    assert (queue / "canceled").read_text() == "7\n"


def test_without_orphans_nothing_is_canceled(queue):
    slurm.cancel_orphans("nepotism", Path("/nowhere"))
    assert not (queue / "canceled").exists()


@pytest.fixture
def poll(monkeypatch):
    """A function that polls three jobs once with the mended plugin, given what SLURM answers."""
    answers: list = []

    async def query(*_):
        return answers[-1], None if answers[-1] is None else 0.1

    monkeypatch.setattr(plugin, "query_job_status", query)
    monkeypatch.setattr(plugin.Executor, "check_active_jobs", plugin.Executor.check_active_jobs)
    monkeypatch.setattr(plugin, "get_min_job_age", lambda: 300)
    monkeypatch.setattr(plugin, "is_query_tool_available", lambda _: True)
    slurm.mend(plugin)
    executor = object.__new__(plugin.Executor)
    settings = SimpleNamespace(
        status_command="squeue", init_seconds_before_status_checks=10, status_attempts=2, keep_successful_logs=True
    )
    remote = SimpleNamespace(seconds_between_status_checks=10)
    executor.workflow = SimpleNamespace(executor_settings=settings, remote_execution_settings=remote)
    executor.logger = SimpleNamespace(debug=lambda *_: None, info=lambda *_: None, warning=lambda *_: None)
    executor.run_uuid = "run"
    executor.status_rate_limiter = asyncio.Lock()
    executor._next_seconds_between_status_checks = None
    executor._status_query_calls = executor._status_query_failures = 0
    executor._status_query_total_seconds = executor._status_query_max_seconds = 0.0
    executor._status_query_min_seconds = None
    executor._status_query_cycle_rows = []
    executor.ended = {}
    executor.report_job_success = lambda job: executor.ended.update({job.external_jobid: "success"})
    executor.report_job_error = lambda job, **_: executor.ended.update({job.external_jobid: "error"})
    jobs = [SimpleNamespace(external_jobid=number, aux={}) for number in "123"]

    def once(answer):
        answers.append(answer)

        async def active():
            return [job.external_jobid async for job in executor.check_active_jobs(jobs)]

        return asyncio.run(active()), executor.ended, executor.next_seconds_between_status_checks

    return once


def test_the_plugin_s_answers_stay_what_they_are(poll):
    active, ended, _ = poll({"1": "RUNNING", "2": "COMPLETED", "3": "FAILED"})
    assert active == ["1"]
    assert ended == {"2": "success", "3": "error"}


def test_jobs_stay_active_while_the_controller_does_not_answer(poll):
    for _ in range(20):
        active, ended, _ = poll(None)
        assert active == ["1", "2", "3"]
        assert ended == {}


def test_a_job_that_slurm_has_lost_fails_after_a_while(poll):
    for _ in range(slurm.LOST_AFTER - 1):
        active, ended, _ = poll({"1": "RUNNING", "2": "PENDING"})
        assert (active, ended) == (["1", "2", "3"], {})
    active, ended, _ = poll({"1": "RUNNING", "2": "PENDING"})
    assert (active, ended) == (["1", "2"], {"3": "error"})


def test_the_pause_between_polls_does_not_grow(poll):
    assert [poll({"1": "RUNNING", "2": "RUNNING", "3": "RUNNING"})[2] for _ in range(5)] == [10] * 5


def test_another_version_of_the_plugin_is_left_alone(monkeypatch):
    monkeypatch.setattr(slurm, "version", lambda _: "2.9.0")
    before = plugin.Executor.check_active_jobs
    slurm.mend(plugin)
    assert plugin.Executor.check_active_jobs is before


SNAKEFILE = """
from pathlib import Path
from snakemake.jobs import Job
from scripts.lib.cluster import slurm
slurm.fence_jobs(Job, Path("tokens").absolute())

rule make:
    output:
        "{name}.txt",
        "{name}.json",
    log:
        "{name}.log",
    shell:
        "python -m scripts.unseen_prompts --prompt a --per-prompt 1 --output {output[0]} > {log} 2>&1; test -e go-on"
"""


@pytest.fixture
def on_node(tmp_path):
    """A function that runs a job as on a node, by the Snakemake that `srun` starts there."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)

    def run(restarts: int, job: str = "7") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "snakemake", "--cores", "1", "--mode", "remote", "--nolock", "--no-hooks"]
        command += ["--force", "--target-jobs", "make:name=a"]
        slurm_sets = {"SLURM_JOB_ID": job, "SLURM_RESTART_COUNT": str(restarts), "SLURMD_NODENAME": f"g{restarts}"}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = os.environ | slurm_sets | {"PYTHONPATH": str(ROOT), "PATH": path}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    for name in ("a.txt", "a.json"):
        (tmp_path / name).write_text("before")
    return run


def test_on_a_node_a_job_that_fails_removes_no_output(on_node, tmp_path):
    assert on_node(0).returncode == 1
    assert (tmp_path / "a.txt").read_text().startswith("file_name,"), "it was replaced"
    assert (tmp_path / "a.json").read_text() == "before", "and this one neither before the job nor after it removed"
    assert list(tmp_path.glob("tokens/make-*/writer-*"))


def test_on_a_node_a_job_that_was_queued_again_elsewhere_changes_nothing(on_node, tmp_path):
    (tmp_path / "go-on").touch()
    assert on_node(1).returncode == 0
    before = {path: path.read_bytes() for path in tmp_path.glob("a.*")}
    late = on_node(0)
    assert late.returncode == 1
    assert "SLURM job 7 (restart 1, node g1) writes these outputs now" in late.stderr
    assert {path: path.read_bytes() for path in tmp_path.glob("a.*")} == before
    assert on_node(0, job="8").returncode == 0, "another job of the same outputs is newer, whatever its number"
