"""A finished experiment that is hollow: each output is there and Snakemake knows it, but no job has ever run.

What Snakemake plans after a fault depends on names, times and records, not on what is in the files. So its jobs run a
program in the place of `python`, which writes a word into each output, and meets the fault at the jobs of one rule.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from tests.networks import write_color_networks
from tests.workflow.conftest import ROOT, Job, Project, copy_checkout

# Rules that other weights make due, and not other code.
WEIGHTS = {"check_weights": "clip/model.safetensors", "check_scheduler": "unet/diffusion_pytorch_model.safetensors"}
# Rules that no fault can make the workflow forget, and why.
APART = {
    "all": "a target",
    "downloads": "a target",
    "miniature": "a target",
    "miniature_flow": "a target",
    "plan": "it has no output",
    "status": "it has no output",
    "download_file": "what was fetched is kept; another pin is refused until the file is removed",
    "download_repository": "what was fetched is kept; another pin is refused until the folder is removed",
}
# The end of an input that says what runs first, and never that a job is due (`ancient`).
ANCIENT = {"classify": "/labels.csv", "read_fresh": "/fresh.csv", "compose": "/fresh.csv"}
# Outputs that no later run misses.
TEMPORARY = re.compile(r"/generated(-\d+)?/shard-\d+\.zip$")
TARGETS = ["all", "miniature", "miniature_flow"]
PROGRAM = """#!{python} -ES
import json, os, subprocess, sys, time
from pathlib import Path

folder = Path({folder!r})
outputs = json.loads((folder / "outputs.json").read_text())
log = os.path.relpath(os.readlink("/proc/self/fd/1"))
if log not in outputs:  # Snakemake in the job of a cluster.
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
if log in json.loads((folder / "held.json").read_text()):
    (folder / "held.tmp").write_text(os.environ.get("SLURM_JOB_ID", "here"))
    (folder / "held.tmp").rename(folder / "held")
    {does}
for name in outputs[log]:
    path = Path(name)
    if not path.suffix:
        path.mkdir(exist_ok=True)
        path = path / "file"
    path.write_text(f"{{name}} {{time.time_ns()}}")
with (folder / "done").open("a") as file:
    print(log, file=file)
"""


FILES = [ROOT / "Snakefile", *sorted(ROOT.glob("rules/*.smk"))]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
# Name, the rule that it inherits from, and text of each rule.
DECLARED = {
    new or name: (name if new else None, body)
    for name, new, body in re.findall(
        r"^(?:use )?rule (\w+)(?: as (\w+))?(?: with)?:\n((?:(?: .*)?\n)*)", TEXT, flags=re.M
    )
}
RULES = [rule for rule in DECLARED if rule not in APART]


def script_of(rule: str) -> str:
    """Return which script a rule runs, by its own command or that of the rule that it inherits from."""
    parent, body = DECLARED[rule]
    found = re.search(r"python -m scripts\.(\w+)", body)
    return found[1] if found else script_of(str(parent))


def local_rules() -> set[str]:
    """Return the rules that no cluster runs."""
    found = set()
    for rule, (parent, body) in DECLARED.items():  # A rule comes after the one that it inherits from.
        if parent in found or "localrule: True" in body:
            found.add(rule)
    listed = re.findall(r"^localrules:\n((?: .*\n)+)", TEXT, flags=re.M)
    return found | set(re.findall(r"\w+", " ".join(listed)))


def build(to: Path) -> Project:
    """Return a project in a new folder whose experiment Snakemake takes for finished."""
    project = copy_checkout(ROOT, to)._replace(experiment="tests/workflow/hollow.yaml")
    for name in ("photographs/0.png", "drawings/0.png", "drawings/labels.csv", "photographs.csv"):
        (to / name).parent.mkdir(exist_ok=True)
        (to / name).touch()
    write_color_networks(to / "deepface")
    for job in every_job(project):
        for name in job.outputs:
            path = to / name if Path(name).suffix else to / name / "file"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name, encoding="utf-8")
    result = project.snakemake("--touch", "--forceall", *TARGETS)
    assert result.returncode == 0, result.stdout + result.stderr
    for path in (to / "results").rglob("shard-*.zip"):
        if TEMPORARY.search(path.as_posix()):
            path.unlink()
    return project


def every_job(project: Project) -> set[Job]:
    """Return all jobs of the targets, whatever is there."""
    return named(project.plan("--forceall", *TARGETS))


def named(jobs: Iterable[Job]) -> set[Job]:
    """Return the jobs that have outputs: all but targets."""
    return {job for job in jobs if job.outputs}


def change(project: Project, rule: str) -> Callable[[], None]:
    """Change what makes a rule due, but nothing that its jobs do; return a function that takes it back."""
    weights = WEIGHTS.get(rule)
    path = project.root / (f"models/miniature/{weights}" if weights else f"scripts/{script_of(rule)}.py")
    before = path.read_bytes()
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]) if weights else before + b"\nCHANGED = 1\n")

    def take_back() -> None:
        path.write_bytes(before)

    return take_back


def hold(project: Project, jobs: Collection[Job], rule: str = "", does: str = "pass") -> Path:
    """Put a `python` into a folder that writes the outputs of each job, after these statements at the jobs of a rule.

    Returns:
        the folder. Its file ``held`` is there as soon as a job of the rule has begun.
    """
    folder = project.root / "programs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    outputs = {log: job.outputs for job in jobs for log in job.logs}
    (folder / "outputs.json").write_text(json.dumps(outputs), encoding="utf-8")
    held = [log for job in jobs if job.rule == rule for log in job.logs]
    (folder / "held.json").write_text(json.dumps(held), encoding="utf-8")
    program = folder / "python"
    text = PROGRAM.format(python=sys.executable, folder=str(folder), does=does)
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    return folder


def of_script(jobs: Collection[Job], rule: str) -> set[Job]:
    """Return those jobs whose script is that of a rule."""
    return {job for job in jobs if script_of(job.rule) == script_of(rule)}


def done(project: Project, jobs: Collection[Job]) -> set[Job]:
    """Return the jobs that have written their outputs since the last ``hold``."""
    file = project.root / "programs/done"
    logs = set(file.read_text(encoding="utf-8").splitlines()) if file.exists() else set()
    return {job for job in jobs if logs & set(job.logs)}


def expect_what_is_due(
    project: Project, jobs: Collection[Job], rule: str, before: Collection[Job], take_back: Callable[[], None]
) -> None:
    """Compare the plans after a fault with what the fault has left, with the change and without it.

    Args:
        project: after a run that met a fault at a job of the rule.
        jobs: all of them.
        rule: that was changed.
        before: what the change made due.
        take_back: what ``change`` has returned.
    """
    written = done(project, jobs)
    assert named(project.plan(*TARGETS)) == set(before) - written, "what was not done is due, and no more"
    take_back()
    again = named(project.plan(*TARGETS))
    surely = due(project, jobs, also=of_script(written, rule))
    assert rule in {job.rule for job in surely}, "its outputs were removed when it began"
    assert surely <= again <= due(project, jobs, also=written), "what was removed is due, and no more"


def due(project: Project, jobs: Collection[Job], also: Collection[Job] = ()) -> set[Job]:
    """Return the jobs that lack an output that stays, others, what hangs on them, what makes their temporary inputs."""

    def there(file: str) -> bool:
        return (project.root / file).exists()

    makers = {file: job for job in jobs for file in job.outputs}
    lack = {job for job in jobs for file in job.outputs if not there(file) and not TEMPORARY.search(file)}
    found = lack | set(also)
    while True:
        written = {file for job in found for file in job.outputs}
        more = {job for job in jobs if written & {file for file in job.inputs if not is_ancient(job, file)}}
        more |= {makers[file] for job in found for file in job.inputs if file in makers and not there(file)}
        if more <= found:
            return found
        found |= more


def is_ancient(job: Job, file: str) -> bool:
    return job.rule in ANCIENT and file.endswith(ANCIENT[job.rule])
