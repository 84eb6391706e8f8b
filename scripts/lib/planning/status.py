"""How far an experiment is: from its files, and from what Snakemake notes while it runs."""

import re
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from scripts.lib.cluster import slurm
from scripts.lib.experiment.cell import Cell
from scripts.lib.planning.jobs import Job

State = Literal["done", "running", "failed", "begun", "missing"]
SIGNS: dict[State, str] = {"done": "●", "running": "▶", "failed": "✗", "begun": "◐", "missing": "·"}


def unfinished(records: Path) -> set[str]:
    """Return the files that jobs are making now.

    Snakemake marks the outputs of a job from its start (or submission) to its end, and lists all of a run's
    in a lock; a run on SLURM holds a lock of its own. A mark of no such run was left behind by one that was
    killed.

    Args:
        records: the folder ``.snakemake``.
    """
    locked = {line for lock in records.glob("locks/*.output.lock") for line in lock.read_text().splitlines()}
    marks = [path.relative_to(records / "incomplete") for path in records.glob("incomplete/**/*") if path.is_file()]
    # A mark's name is the file's in base64; one too long for a name is spread over folders that begin with @.
    names = ("".join(part.removeprefix("@") for part in mark.parts) for mark in marks)
    marked = {urlsafe_b64decode(name).decode() for name in names}
    return marked if slurm.held(records / "slurm.lock") else locked & marked


def states_of(jobs: list[Job], results: Path, making: set[str]) -> dict[Job, State]:
    """Return the state of each job. One that left a log and no output failed, or was stopped.

    Args:
        results: the experiment's folder, as the names in ``making`` have it.
        making: the files that jobs are making now.
    """

    def state(job: Job) -> State:
        output = results / job.output
        if output.as_posix() in making:
            return "running"
        if output.is_file():
            return "done"
        return "failed" if log_of(job, results).is_file() else "missing"

    return {job: state(job) for job in jobs}


def log_of(job: Job, results: Path) -> Path:
    """Return where a job's output goes."""
    return results / "logs" / str(job.cell) / f"{job.name}.log"


def combined(states: set[State]) -> State:
    """Return the state of a cell from those of its jobs: a failure shows above all, then what runs."""
    if len(states) == 1:
        return next(iter(states))
    return "failed" if "failed" in states else "running" if "running" in states else "begun"


def progress(log: Path) -> str:
    """Return how far the bar of a fine-tune or a generation is in its log; empty where there is none yet."""
    found = re.findall(r"(?:finetune|generate): +(\d+%)", log.read_text(errors="replace")) if log.is_file() else []
    return found[-1] if found else ""


def warnings(logs: Path) -> list[str]:
    """Return the lines that begin with ``Warning:`` in the logs of what an experiment has once, each line once."""
    lines = (line for log in sorted(logs.glob("*.log")) for line in log.read_text(errors="replace").splitlines())
    return list(dict.fromkeys(line for line in lines if line.startswith("Warning:")))


def text(experiment: str, states: Mapping[Job, State], results: Path, paint: Callable[[State, str], str]) -> str:
    """Return a matrix, one row per arm and replicate, one column per iteration, and below it what runs and what failed.

    Between them stands the target of the first cell that is not done, as it is typed.

    Args:
        states: of every job of the experiment.
        paint: gives a text the color of a state.
    """
    parts: dict[Cell, set[State]] = {}
    for job, state in states.items():
        found = parts.setdefault(job.cell, set())
        if not (job.rule == "compose" and state == "done"):  # A training table that is made early is no begin.
            found.add(state)
    cells = {cell: combined(found) for cell, found in parts.items()}
    counts = Counter(cells.values())
    legend = ", ".join(
        f"{counts[state]} {state} {paint(state, sign)}" for state, sign in SIGNS.items() if counts[state]
    )
    iterations = sorted({cell.iteration for cell in cells})
    width = max(3, *(len(cell.arm) for cell in cells))
    lines = [
        f"{experiment}: {len(cells)} cells, {legend}",
        "",
        f"{'arm':{width}}  seed" + "".join(f"{n:4}" for n in iterations),
    ]
    for arm, replicate in dict.fromkeys((cell.arm, cell.replicate) for cell in cells):
        row = (cells.get(Cell(arm, replicate, iteration)) for iteration in iterations)
        signs = "".join("   " + paint(state, SIGNS[state]) if state else "    " for state in row)
        lines.append(f"{arm:{width}}  {replicate:4}{signs}".rstrip())
    due = next((cell for cell, state in cells.items() if state != "done"), next(reversed(cells)))
    lines += ["", f"A cell is a target by its scores: snakemake {results}/{due}/scores.json"]
    for state in ("running", "failed"):
        if lines_of_state := listed(states, state, results):
            lines += ["", paint(state, state), *lines_of_state]
    return "\n".join(lines)


def listed(states: Mapping[Job, State], state: State, results: Path) -> list[str]:
    """Return a line for each job in this state: its cell, its rule, how far it is or was, and its log."""
    logs = [(job, log_of(job, results)) for job, each in states.items() if each == state]
    rows = [(str(job.cell), job.rule, progress(log), str(log)) for job, log in logs]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
