"""A plan as text for the terminal and as a page."""

import json
import math
import textwrap
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import pandas as pd

from scripts.lib.base.code import ROOT
from scripts.lib.figures import pages
from scripts.lib.planning.jobs import Job
from scripts.lib.planning.plan import DRAWN, Plan
from scripts.lib.planning.schedule import Span
from scripts.lib.scoring.power import MOST, POWER

# Columns of words, aligned to the left; figures are to the right.
WORDS = {"rule", "files", "source", "arm", "card", "precision", "score"}
# The base model is gray; the arms have Okabe and Ito's colors, which most eyes tell apart, and two of Tol's.
COLORS = ["#999999", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#332288", "#882255"]
TEMPLATE = ROOT / "report" / "plan" / "page.html"
ROW = 22  # Height of a device's row in the drawing, whose width is 900.
FRAMES = ("rules", "times", "steps", "cards", "disk", "power")


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
    columns = {"arm": "arm", "iteration": "iteration", "metric": "score", "pairs": "replicates"}
    power = plan.power[list(columns)].rename(columns=columns)
    for name, column in (("difference", "difference"), ("deviation", "deviation"), ("needed", "replicates")):
        power[name] = _said(plan.power[column], _needed if name == "needed" else "{:.3g}".format)
    return {
        "rules": pd.DataFrame(rules | {"source": plan.rules["source"]}),
        "times": pd.DataFrame(times),
        "steps": plan.steps.rename(columns={"first": "steps, first iteration", "last": "last iteration"}),
        "cards": pd.DataFrame(
            {
                "card": plan.cards["card"],
                "precision": plan.cards["precision"],
                "peak, TFLOP/s": [f"{peak:g}" for peak in plan.cards["teraflops"]],
                "GPU-hours": [f"{hours:.3g}" for hours in plan.cards["hours"]],
            }
        ),
        "disk": pd.DataFrame(disk | {"source": plan.disk["source"]}),
        "power": power,
    }


def replicates(plan: Plan) -> str:
    """Say what the table of replicates is, or why it has no rows."""
    if plan.power.empty:
        return (
            "How many replicates a difference takes can be said once two replicates of an arm and of the control ended."
        )
    return (
        f"Needed: replicates that show a difference to the control of this size in {100 * POWER:.0f} % of such "
        "experiments (paired t test, 5 %, two-sided), by the mean and the deviation of the finished pairs. Few pairs "
        "give rough ones."
    )


def _needed(number: float) -> str:
    return f"more than {MOST}" if math.isinf(number) else f"{number:.0f}"


def numbers(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON has it, for scripts: seconds, bytes, operations; null where nothing is counted."""
    frames = {name: json.loads(getattr(plan, name).to_json(orient="records")) for name in FRAMES}
    return {key: value for key, value in plan._asdict().items() if key != "spans"} | frames


def _said(values: pd.Series, words: Callable[[float], str]) -> list[str]:
    return ["" if math.isnan(value) else words(value) for value in values]


def text(plan: Plan) -> str:
    """Return a plan for a terminal of 100 columns."""
    notes = [textwrap.fill(note, 100, subsequent_indent="  ", initial_indent="- ") for note in plan.notes]
    aligned = [_aligned(frame) for frame in tables(plan).values() if len(frame)]
    words = [textwrap.fill(said(plan), 100) for said in (headline, replicates)]
    return "\n\n".join([words[0], *aligned, words[1], "\n".join(notes)])


def page(plan: Plan) -> str:
    """Return a plan as an HTML page that needs no other file."""
    arms = list(dict.fromkeys(job.cell.arm for job in plan.spans))
    color = {arm: COLORS[index % len(COLORS)] for index, arm in enumerate(arms)}
    return pages.render(
        TEMPLATE,
        plan=plan,
        headline=headline(plan),
        replicates=replicates(plan),
        tables=tables(plan),
        devices=DRAWN,
        row=ROW,
        end=duration(max(span.end for span in plan.spans.values())),
        bars=_bars(plan.spans, color),
        legend=_legend(color),
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


def _bars(spans: dict[Job, Span], color: dict[str, str]) -> list[dict[str, str]]:
    """Return the bars of a drawing of a schedule: time to the right, one row per device."""
    end = max(span.end for span in spans.values())
    return [
        {
            "x": f"{900 * span.start / end:.2f}",
            "y": f"{ROW * (span.device or 0)}",
            "width": f"{max(900 * (span.end - span.start) / end - 0.3, 0.2):.2f}",
            "color": color[job.cell.arm],
            "title": f"{job.cell}: {job.rule}, {duration(span.end - span.start)}",
        }
        for job, span in spans.items()
    ]


def _legend(color: dict[str, str]) -> list[tuple[int, str, str]]:
    """Return the place, the name and the color of each arm, from left to right."""
    places = accumulate([0, *(26 + 7 * len(arm) for arm in color)])
    return [(x, arm, shade) for x, (arm, shade) in zip(places, color.items(), strict=False)]
