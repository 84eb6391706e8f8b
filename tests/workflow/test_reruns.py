"""A finished experiment, a change, and a run that fails or is stopped: the same command again plans what is due."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workflow.conftest import Job, Project
from tests.workflow.test_plan import cells_of, rules_of

RESULTS = "results/tiny"
# Which script a rule runs, where it has another name.
SCRIPTS = {"embed_dataset": "embed", "embed_set": "embed", "score_floor": "score"}
SCRIPTS |= {"unseen": "generate", "rewrite": "curate"}
RULES = ["catalogue", "select_images", "prepare", "unseen_prompts", "embed_dataset", "embed_set", "score_floor"]
RULES += [
    "compose",
    "finetune",
    "generate",
    "gather",
    "unseen",
    "validate",
    "embed",
    "score",
    "curate",
    "rewrite",
    "reward",
]
RULES += ["tabulate", "contrast", "costs", "summarize", "record_configuration", "typeset"]
RULES += ["draw_curves", "draw_samples", "draw_rejected", "draw_grid", "draw_nearest", "build_explorer"]


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    return finished.clone(tmp_path / "nepotism")


@pytest.fixture
def on_a_small_disk(finished: Project, tmp_path: Path) -> Iterator[Project]:
    """A project on a file system of its own that has little room."""
    used = int(subprocess.run(["du", "-sm", finished.root], capture_output=True, check=True).stdout.split()[0])
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={used + 40}m", "tmpfs", disk], check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield finished.clone(disk / "nepotism")
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.fixture(scope="module")
def everything(finished: Project) -> set[Job]:
    """All jobs of the experiment, whatever is there."""
    return set(finished.plan("--forceall"))


def change(project: Project, rule: str) -> None:
    """Change the code of a rule's script, but nothing that it does."""
    script = project.root / f"scripts/{SCRIPTS.get(rule, rule)}.py"
    script.write_text(script.read_text(encoding="utf-8") + "\nCHANGED = 1\n", encoding="utf-8")


def programs(project: Project, *, scripts: str, does: str) -> Path:
    """Return a folder with a `python` that does something else where it is to run one of these scripts (a pattern)."""
    folder = project.root / "programs"
    folder.mkdir(exist_ok=True)
    program = folder / "python"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in\n  {scripts}) touch {project.root}/held; {does};;\nesac\nexec {sys.executable} "$@"\n'
    )
    program.chmod(0o755)
    return folder


def fail(project: Project, *arguments: str, scripts: str = "*", overlay: dict | None = None) -> None:
    """Run until all that can run has run; these scripts fail."""
    folder = programs(project, scripts=scripts, does="exit 1")
    with project.start(*arguments, overlay=overlay, programs=folder) as run:
        said = run.communicate()
    assert run.returncode == 1, said
    assert (project.root / "held").is_file(), said


def stop(number: signal.Signals) -> Callable[[Project], None]:
    """Return a function that runs the workflow until a job has started, and then sends a signal to all of it."""

    def run_and_stop(project: Project) -> None:
        with project.start(programs=programs(project, scripts="*", does="exec sleep 1000")) as run:
            while not (project.root / "held").is_file():
                assert run.poll() is None, run.communicate()
                time.sleep(0.05)
            os.killpg(run.pid, number)
            said = run.communicate()
        assert run.returncode != 0, said

    return run_and_stop


def fill_the_disk(project: Project) -> None:
    """Run on a disk that each job finds full, and make room again."""
    filler = project.root / "filler"
    folder = programs(project, scripts="*", does=f"cat /dev/zero > {filler} 2> /dev/null; exit 1")
    with project.start(programs=folder) as run:
        said = run.communicate()
    assert run.returncode == 1, said
    assert (project.root / "held").is_file(), said
    filler.unlink()


FAULTS: dict[str, Callable[[Project], None]] = {
    "fails": fail,
    "SIGTERM": stop(signal.SIGTERM),
    "Ctrl-C": stop(signal.SIGINT),
    "kill -9": stop(signal.SIGKILL),
    "full disk": fill_the_disk,
}
FEW = [("prepare", "SIGTERM"), ("unseen", "Ctrl-C"), ("finetune", "kill -9"), ("gather", "fails")]
ALL = [
    pytest.param(rule, fault, marks=[] if (rule, fault) in FEW else pytest.mark.drill)
    for rule in RULES
    for fault in FAULTS
]


def due(project: Project, jobs: set[Job]) -> set[Job]:
    """Return the jobs that lack an output that stays, what hangs on them, and what makes temporary files for these."""

    def there(file: str) -> bool:
        return (project.root / file).exists()

    makers = {file: job for job in jobs for file in job.outputs}
    found = {job for job in jobs for file in job.outputs if not there(file) and "generated/shard-0.zip" not in file}
    while True:
        written = {file for job in found for file in job.outputs}
        more = {job for job in jobs if written & set(job.inputs)}
        more |= {makers[file] for job in found for file in job.inputs if file in makers and not there(file)}
        if more <= found:
            return found
        found |= more


def without_all(jobs: list[Job]) -> set[Job]:
    return {job for job in jobs if job.rule != "all"}


@pytest.mark.parametrize(("rule", "fault"), ALL)
def test_a_changed_rule_is_stopped(request: pytest.FixtureRequest, everything: set[Job], rule: str, fault: str):
    project = request.getfixturevalue("on_a_small_disk" if fault == "full disk" else "project")
    change(project, rule)
    before = without_all(project.plan())
    assert rule in rules_of(list(before))
    FAULTS[fault](project)
    if fault in {"SIGTERM", "Ctrl-C"}:
        assert not list((project.root / ".snakemake/locks").glob("*")), "no lock is left"
    elif fault == "kill -9":
        assert project.snakemake("--unlock").returncode == 0
    assert without_all(project.plan()) == before, "nothing was done, so all is due that was"

    script = f"scripts/{SCRIPTS.get(rule, rule)}.py"
    text = (project.root / script).read_text(encoding="utf-8")
    (project.root / script).write_text(text.removesuffix("\nCHANGED = 1\n"), encoding="utf-8")
    expected = due(project, without_all(list(everything)))
    assert rule in rules_of(list(expected)), "its outputs were removed when it began"
    assert without_all(project.plan()) == expected, "the change taken back, what was removed is due, and no more"


def test_what_had_been_done_when_a_later_job_failed_is_not_done_again(project: Project):
    overlay = {"arms": {"poison-50": {"finetune": {"learning_rate": 1.0e-4}}}}
    before = without_all(project.plan(overlay=overlay))
    fail(project, scripts="*scripts.generate*", overlay=overlay)
    after = without_all(project.plan(overlay=overlay))
    done = before - after
    assert after < before
    assert rules_of(list(done))["finetune"] == 2
    assert set(rules_of(list(done))) <= {"finetune", "validate"}, "a model is validated as soon as it is trained"
    assert cells_of(list(done)) == {"poison-50/1", "healed/2"}, "which starts from it, and takes no images"
    assert {"finetune", "generate", "embed", "tabulate", "record_configuration"} <= set(rules_of(list(after)))


def test_no_figure_table_or_page_outlives_a_cell_that_it_shows(project: Project):
    overlay = {"arms": {"poison-50": {"finetune": {"learning_rate": 1.0e-4}}}}
    shown = {file for job in project.plan(overlay=overlay) for file in job.outputs if "/seed-" not in file}
    kept = {path for path in files_of(project) if "/seed-" not in path} - shown
    assert {f"{RESULTS}/{name}" for name in ("configuration.csv", "scores.csv", "explorer.html")} <= shown
    assert f"{RESULTS}/figures/baseline.png" in kept
    fail(project, scripts="*scripts.finetune*", overlay=overlay)
    left = files_of(project)
    assert not shown & left
    assert kept <= left


def test_the_same_cell_named_again_is_still_due(project: Project):
    cell = f"{RESULTS}/real/seed-0/iteration-2"
    overlay = {"arms": {"real": {"finetune": {"learning_rate": 1.0e-4}}}}
    before = set(project.plan(f"{cell}/scores.json", overlay=overlay))
    fail(project, f"{cell}/scores.json", scripts="*scripts.finetune*", overlay=overlay)
    assert set(project.plan(f"{cell}/scores.json", overlay=overlay)) == before
    back = project.plan(f"{cell}/scores.json")
    assert rules_of(back)["finetune"] == 2, "both were due, iteration 1 was removed, and iteration 2 starts from it"


def test_a_shard_of_another_number_of_shards_is_made_again(project: Project):
    shard = f"{RESULTS}/real/seed-0/iteration-2/generated/shard-0.zip"
    shutil.copy2(
        project.root / shard.replace("/shard-0", ""), project.root / shard
    )  # As a run that was stopped leaves it.
    assert project.plan(shard) == []
    assert rules_of(project.plan(shard, overlay={"execution": {"shards": 2}})) == {"generate": 1}


def test_touching_withdraws_nothing(project: Project):
    change(project, "finetune")
    before = files_of(project)
    assert project.snakemake("--touch").returncode == 0
    assert files_of(project) == before
    assert project.plan() == []


def files_of(project: Project) -> set[str]:
    found = (project.root / RESULTS).rglob("*")
    return {path.relative_to(project.root).as_posix() for path in found if path.is_file() and "logs" not in path.parts}
