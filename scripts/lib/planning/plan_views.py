"""A plan as text for the terminal and as a page."""

import html
import json
import math
import textwrap
from collections.abc import Callable, Iterable
from string import Template
from typing import Any

import pandas as pd

from scripts.lib.planning.jobs import Job
from scripts.lib.planning.plan import DRAWN, Plan
from scripts.lib.planning.schedule import Span

WORDS = {"rule", "files", "source", "arm"}  # Columns of words, aligned to the left; figures are to the right.
# The base model is gray; the arms have Okabe and Ito's colors, which most eyes tell apart, and two of Tol's.
COLORS = ["#999999", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#332288", "#882255"]
PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Plan of $name</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid #8886; white-space: nowrap; }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; fill: currentColor; }
</style>
</head>
<body>
<h1>Plan of $name</h1>
<p>$headline</p>
<h2>Jobs</h2>
<div>$rules</div>
<h2>Time</h2>
<div>$times</div>
<h2>Optimizer steps of a fine-tune</h2>
<div>$steps</div>
<h2>Disk</h2>
<div>$disk</div>
<h2>On $devices $device</h2>
<p>A row a device, a bar a job; its color is the arm, and the pointer shows its name and time.</p>
$schedule
<h2>What the figures rest on</h2>
<ul>$notes</ul>
</body>
</html>
""")


FRAMES = ("rules", "times", "steps", "disk")


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    for limit, unit, length in ((100, "s", 1), (6000, "min", 60), (172_800, "h", 3600)):
        if seconds < limit:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds / 86_400:.3g} days"


def volume(number: float) -> str:
    """Return bytes as people say them, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} TB"


def headline(plan: Plan) -> str:
    """Return what is planned, and the sum of it."""
    counted = f", {plan.flops / 1e18:.3g} EFLOP counted" if plan.flops else ""
    return (
        f"{plan.experiment}: {plan.cells} cells, {plan.jobs} jobs, {plan.images} images per cell, "
        f"{plan.device_seconds / 3600:.3g} {plan.device}-hours{counted}"
    )


def tables(plan: Plan) -> dict[str, pd.DataFrame]:
    """Return the tables of a plan in words, by their names; what has no number is blank."""
    rules: dict[str, Any] = {"rule": plan.rules["rule"], "jobs": plan.rules["jobs"]}
    for name, column in (("one job", "seconds_each"), ("all jobs", "seconds_all")):
        rules[name] = _said(plan.rules[column], duration)
    numbers = ["any" if math.isinf(number) else f"{number:.0f}" for number in plan.times["devices"]]
    times: dict[str, Any] = {f"{plan.device}s": numbers}
    for name, column in (("wall time", "seconds"), ("at least", "at_least"), ("at most", "at_most")):
        times[name] = _said(plan.times[column], duration)
    times["disk, peak"] = _said(plan.times["disk_bytes"], volume)
    disk: dict[str, Any] = {"files": plan.disk["files"], "number": plan.disk["number"]}
    for name, column in (("one", "bytes_each"), ("all", "bytes_all")):
        disk[name] = _said(plan.disk[column], volume)
    return {
        "rules": pd.DataFrame(rules | {"source": plan.rules["source"]}),
        "times": pd.DataFrame(times),
        "steps": plan.steps.rename(columns={"first": "steps, first iteration", "last": "last iteration"}),
        "disk": pd.DataFrame(disk | {"source": plan.disk["source"]}),
    }


def numbers(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON has it, for scripts: seconds, bytes, operations; null where nothing is counted."""
    frames = {name: json.loads(getattr(plan, name).to_json(orient="records")) for name in FRAMES}
    return {key: value for key, value in plan._asdict().items() if key != "spans"} | frames


def _said(values: pd.Series, words: Callable[[float], str]) -> list[str]:
    return ["" if math.isnan(value) else words(value) for value in values]


def text(plan: Plan) -> str:
    """Return a plan for a terminal of 100 columns."""
    notes = [textwrap.fill(note, 100, subsequent_indent="  ", initial_indent="- ") for note in plan.notes]
    aligned = map(_aligned, tables(plan).values())
    return "\n\n".join([textwrap.fill(headline(plan), 100), *aligned, "\n".join(notes)])


def page(plan: Plan) -> str:
    """Return a plan as an HTML page that needs no other file."""
    frames = {name: frame.to_html(index=False, border=0) for name, frame in tables(plan).items()}
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in plan.notes)
    return PAGE.substitute(
        frames,
        name=html.escape(plan.experiment),
        headline=html.escape(headline(plan)),
        devices=DRAWN,
        device=f"{plan.device}s",
        schedule=_drawn(plan.spans),
        notes=notes,
    )


def _aligned(frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), *frame.astype(str).to_numpy().tolist()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = zip(frame.columns, row, widths, strict=True)
        aligned = (cell.ljust(width) if name in WORDS else cell.rjust(width) for name, cell, width in cells)
        lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines)


def _drawn(spans: dict[Job, Span]) -> str:
    """Return a drawing of a schedule: time to the right, one row per device, a legend of the arms below."""
    end = max(span.end for span in spans.values())
    arms = list(dict.fromkeys(job.cell.arm for job in spans))
    color = {arm: COLORS[index % len(COLORS)] for index, arm in enumerate(arms)}
    bars = []
    for job, span in spans.items():
        place = f'x="{900 * span.start / end:.2f}" y="{22 * (span.device or 0)}" height="20"'
        width = max(900 * (span.end - span.start) / end - 0.3, 0.2)
        title = f"{job.cell}: {job.rule}, {duration(span.end - span.start)}"
        bars.append(f'<rect {place} width="{width:.2f}" fill="{color[job.cell.arm]}"><title>{title}</title></rect>')
    return (
        f'<svg viewBox="0 0 900 {22 * DRAWN + 50}" role="img" aria-label="Schedule: which device runs which job when">'
        + "".join([*bars, *_legend(arms, color), f'<text x="900" y="{22 * DRAWN + 14}" text-anchor="end">'])
        + f"{duration(end)}</text></svg>"
    )


def _legend(arms: Iterable[str], color: dict[str, str]) -> Iterable[str]:
    x = 0
    for arm in arms:
        yield f'<rect x="{x}" y="{22 * DRAWN + 30}" width="10" height="10" fill="{color[arm]}"/>'
        yield f'<text x="{x + 14}" y="{22 * DRAWN + 39}">{html.escape(arm)}</text>'
        x += 26 + 7 * len(arm)
