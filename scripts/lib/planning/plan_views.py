"""A plan as text for the terminal and as a page."""

import html
import textwrap
from collections.abc import Iterable
from string import Template

import pandas as pd

from scripts.lib.planning.jobs import Job
from scripts.lib.planning.plan import DRAWN, Plan, duration
from scripts.lib.planning.schedule import Span

WORDS = {"rule", "files", "source"}  # Columns of words, aligned to the left; figures are to the right.
# The base model is grey; the arms have Okabe and Ito's colors, which most eyes tell apart, and two of Tol's.
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


def text(plan: Plan) -> str:
    """Return a plan for a terminal of 100 columns."""
    notes = [textwrap.fill(note, 100, subsequent_indent="  ", initial_indent="- ") for note in plan.notes]
    tables = [_aligned(frame) for frame in (plan.rules, plan.times, plan.disk)]
    return "\n\n".join([textwrap.fill(plan.headline, 100), *tables, "\n".join(notes)])


def page(plan: Plan) -> str:
    """Return a plan as an HTML page that needs no other file."""
    tables = {name: getattr(plan, name).to_html(index=False, border=0) for name in ("rules", "times", "disk")}
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in plan.notes)
    return PAGE.substitute(
        tables,
        name=html.escape(plan.headline.partition(":")[0]),
        headline=html.escape(plan.headline),
        devices=DRAWN,
        device=plan.times.columns[0],
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
    """Return a drawing of a schedule: time to the right, a row a device, a legend of the arms below."""
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
