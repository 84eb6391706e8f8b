"""What people look at: the curves, the grid of images, and a few sentences (paper, figures 4 and 5)."""

import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath
from PIL import Image
from scipy.special import stdtrit

from scripts.lib.atomic import replacing
from scripts.lib.cell import BASE

ALL = "all"
FLOOR = "floor"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters, hence the same bytes, everywhere
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 5,
    "legend.fontsize": 7.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "nepotism",
}
DATES = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
DPI = 200

# The paper's signs for its two controls; the other shapes tell the shares apart where colors are not printed.
CONTROL_MARKERS = {"match_histograms": "D", "cull": "s"}
SHARE_MARKERS = "ov^<>Pp*"
SIGNS = {"none": "", "match_histograms": "◆ ", "cull": "■ "}

# Lengths of the grid in pixels of the PNG; type is larger than in the curves since the grid is shrunk in print.
TILE, TILE_GAP, COLUMN_GAP, ROW_GAP, PANEL_GAP = 96, 2, 18, 14, 40
POINTS = 12
LINE = round(1.25 * POINTS * DPI / 72)
MOST_COLUMNS = 10


class Arm(NamedTuple):
    """What a figure says of an arm: names and meanings are the configuration's."""

    synthetic: float
    control: str
    parent: str | None
    from_iteration: int | None


def read_arms(text: str) -> dict[str, Arm]:
    """Read arms from JSON: ``{"name": {"synthetic": 0.25, "control": "none", "parent": null, ...}}``."""
    return {name: Arm(**arm) for name, arm in json.loads(text).items()}


def save(figure: Figure, path: Path) -> None:
    """Write a figure as the suffix of ``path`` says (png, svg, pdf); the same figure gives the same bytes."""
    with rc_context(STYLE), replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=DPI, metadata=DATES.get(path.suffix))


def percent(share: float) -> str:
    return f"{100 * share:.3g} %"


# --- Curves ------------------------------------------------------------------------------------


def trajectory(scores: pd.DataFrame, name: str, arm: Arm) -> pd.DataFrame:
    """Return the mean of one metric along an arm, from the model that it starts from.

    Args:
        scores: rows of one metric, columns ``arm, replicate, iteration, value``.
        name: the arm's name.
        arm: the arm; its first point is its parent's, or the base model's.

    Returns:
        Index ``iteration``; columns ``mean``, and ``half``, half the width of Student's 95 % interval
        of the mean over replicates (NaN for a single replicate).
    """
    start = (scores["arm"] == (arm.parent or BASE)) & (scores["iteration"] == (arm.from_iteration or 0))
    by_iteration = scores[start | (scores["arm"] == name)].groupby("iteration")["value"]
    table = by_iteration.agg(["mean", "std", "count"])
    half = stdtrit(table["count"] - 1, 0.975) * table["std"] / np.sqrt(table["count"])
    return pd.DataFrame({"mean": table["mean"], "half": half})


def draw_curves(scores: pd.DataFrame, arms: Mapping[str, Arm], features: str) -> Figure:
    """Draw Fréchet distance and CLIP score of every arm over its iterations (paper, figure 5).

    Args:
        scores: columns ``arm, replicate, iteration, images, group, metric, value``. The arm ``base``
            has iteration 0, the arm ``floor`` the scores of real images.
        arms: by name.
        features: what the Fréchet distance compares, e.g. ``CLIP``.
    """
    scores = scores[(scores["images"] == "generated") & (scores["group"] == ALL)]
    ordered = dict(sorted(arms.items(), key=lambda item: item[1].synthetic))
    with rc_context(STYLE):
        figure = Figure(figsize=(5.5, 5.6), layout="constrained")
        upper, lower = figure.subplots(2, sharex=True)
        panels = [
            (upper, "frechet_distance", f"Fréchet distance ({features} features)\nlower is better"),
            (lower, "clip_score", "CLIP score\nhigher is better"),
        ]
        for axes, metric, label in panels:
            _draw_panel(axes, scores[scores["metric"] == metric], ordered)
            axes.set_ylabel(label)
        upper.set_ylim(bottom=0)
        lower.set_xlabel("iteration (0: base model)")
        lower.xaxis.get_major_locator().set_params(integer=True, steps=[1, 2, 5, 10], nbins=11)
        handles, labels = upper.get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=3, frameon=False, title="arm (share of generated images)"
        )
    return figure


def _draw_panel(axes: Axes, scores: pd.DataFrame, arms: Mapping[str, Arm]) -> None:
    shares = sorted({arm.synthetic for arm in arms.values()})
    # Dark is more; the lightest end of the map would vanish on white.
    colors = colormaps["plasma"](np.linspace(0.8, 0, len(shares)))
    for name, arm in arms.items():
        rank = shares.index(arm.synthetic)
        color = colors[rank]
        line = trajectory(scores, name, arm)
        axes.plot(
            line.index,
            line["mean"],
            color=color,
            marker=CONTROL_MARKERS.get(arm.control, SHARE_MARKERS[rank % len(SHARE_MARKERS)]),
            markerfacecolor="white" if arm.parent else color,
            markevery=slice(1, None),  # the first point is another arm's or the base model's
            label=f"{name} ({percent(arm.synthetic)})",
        )
        if line["half"].notna().any():
            low, high = line["mean"] - line["half"], line["mean"] + line["half"]
            axes.fill_between(line.index, low, high, color=color, alpha=0.12, linewidth=0)
    if scores.empty:
        axes.text(0.5, 0.5, "not scored: too few images for these features", transform=axes.transAxes, ha="center")
        return
    for value in scores.loc[scores["arm"] == FLOOR, "value"]:
        axes.axhline(value, color="0.35", linestyle=(0, (5, 3)), linewidth=1, zorder=1)
        axes.text(1.01, value, "real\nimages", transform=axes.get_yaxis_transform(), va="center", color="0.35")
    _mark_regions(axes, scores, arms)


def _mark_regions(axes: Axes, scores: pd.DataFrame, arms: Mapping[str, Arm]) -> None:
    """Name the sides of the iteration that healing starts from, if it is one and all other arms end by it."""
    healing = {name: arm for name, arm in arms.items() if arm.parent and arm.synthetic == 0}
    starts = {arm.from_iteration or 0 for arm in healing.values()}
    others = scores.loc[~scores["arm"].isin(healing), "iteration"]
    if len(starts) != 1 or others.max() > (start := starts.pop()):
        return
    last = scores["iteration"].max()
    axes.set_xlim(-0.5, last + 0.5)
    axes.axvspan(start, last + 0.5, color="0.94", zorder=0)
    for left, right, text in ((0, start, "poisoning"), (start, last, "healing")):
        axes.text((left + right) / 2, 1.02, text, transform=axes.get_xaxis_transform(), ha="center", va="bottom")


# --- Grid of images ----------------------------------------------------------------------------


class Panel(NamedTuple):
    """A block of the grid: what it is, the columns' titles, and for every row its label and the images of each column.

    The images of one column are uint8 of shape (n, height, width, 3), or None where there are none.
    """

    title: str
    columns: list[str]
    rows: Mapping[str, Sequence[np.ndarray | None]]


def shown(iterations: Iterable[int]) -> list[int]:
    """Return the iterations that get a column: all, or ten evenly spaced from the first to the last."""
    distinct = sorted(set(iterations))
    positions = np.linspace(0, len(distinct) - 1, min(len(distinct), MOST_COLUMNS)).round().astype(int)
    return [distinct[position] for position in positions]


def row_label(name: str, arm: Arm) -> str:
    """Return two lines: the arm's name with its control's sign, and its share with its parent, if it has one."""
    share = f"{percent(arm.synthetic)}, after {arm.parent}" if arm.parent else f"{percent(arm.synthetic)} generated"
    return f"{SIGNS[arm.control]}{name}\n{share}"


def iteration_panels(arms: Mapping[str, Arm], images: Mapping[tuple[str, int], np.ndarray]) -> list[Panel]:
    """Return one panel for the arms that start from the base model, and one for each later start.

    Args:
        arms: by name, in the order of the rows.
        images: uint8 (n, height, width, 3) by arm and iteration.
    """
    panels = []
    for start in sorted({arm.from_iteration or 0 for arm in arms.values()}):
        members = {name: arm for name, arm in arms.items() if (arm.from_iteration or 0) == start}
        iterations = shown(iteration for name, iteration in images if name in members)
        rows = {
            row_label(name, arm): [images.get((name, iteration)) for iteration in iterations]
            for name, arm in members.items()
        }
        panels.append(Panel("", [f"iteration {iteration}" for iteration in iterations], rows))
    return panels


def draw_grid(panels: Sequence[Panel]) -> Figure:
    """Draw panels of images below each other, columns aligned (paper, figure 4).

    Images smaller than a tile are enlarged by whole factors without smoothing, larger ones reduced.
    """
    labels = [label for panel in panels for label in (panel.title, *panel.rows)]
    cells = [cell for panel in panels for row in panel.rows.values() for cell in row if cell is not None]
    tile = _tile(cells[0][0]).shape[0]
    column = max(len(cell) for cell in cells) * (tile + TILE_GAP) - TILE_GAP
    titles = [[_wrap(title, column) for title in panel.columns] for panel in panels]

    left = max(_width(line) for label in labels for line in label.split("\n")) + 2 * COLUMN_GAP
    width = left + max(len(panel.columns) for panel in panels) * (column + COLUMN_GAP)
    heads = [max(title.count("\n") + 1 for title in row) * LINE + ROW_GAP for row in titles]
    heights = [head + len(panel.rows) * (tile + ROW_GAP) for head, panel in zip(heads, panels, strict=True)]
    height = sum(heights) + PANEL_GAP * len(panels)

    canvas = np.full((height, width, 3), 255, np.uint8)
    with rc_context(STYLE | {"font.size": POINTS}):
        figure = Figure(figsize=(width / DPI, height / DPI))
        axes = figure.add_axes((0, 0, 1, 1))
        top = PANEL_GAP // 2
        for panel, row_of_titles, head in zip(panels, titles, heads, strict=True):
            lefts = [left + number * (column + COLUMN_GAP) for number in range(len(panel.columns))]
            for x, title in ((COLUMN_GAP, panel.title), *zip(lefts, row_of_titles, strict=True)):
                axes.text(x, top + head - ROW_GAP // 2, title, va="bottom")
            top += head
            for label, row in panel.rows.items():
                axes.text(COLUMN_GAP, top + tile / 2, label, va="center")
                for x, cell in zip(lefts, row, strict=True):
                    for number, image in enumerate([] if cell is None else cell):
                        at = x + number * (tile + TILE_GAP)
                        canvas[top : top + tile, at : at + tile] = _tile(image)
                top += tile + ROW_GAP
            top += PANEL_GAP
        axes.imshow(canvas, interpolation="none", extent=(0, width, height, 0), aspect="auto")
        axes.set_axis_off()
    return figure


def _tile(image: np.ndarray) -> np.ndarray:
    if len(image) <= TILE:
        factor = round(TILE / len(image))
        return image.repeat(factor, axis=0).repeat(factor, axis=1)
    return np.asarray(Image.fromarray(image).resize((TILE, TILE), Image.Resampling.LANCZOS))


def _width(text: str) -> int:
    """Return the width of a line of text in pixels."""
    return round(TextPath((0, 0), text, size=POINTS).get_extents().width * DPI / 72) if text.strip() else 0


def _wrap(text: str, width: int) -> str:
    """Break text at spaces into lines of at most ``width`` pixels, as far as its words allow."""
    first, *words = text.split()
    lines = [first]
    for word in words:
        if _width(longer := f"{lines[-1]} {word}") <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


# --- Summary -----------------------------------------------------------------------------------


def summarize(scores: pd.DataFrame, arms: Mapping[str, Arm], note: str = "") -> str:
    """Say in a few sentences how the arms of the largest and the smallest share end, and whether that is a collapse.

    Arms with a control or a parent are left out. A collapse is at least twice the base model's
    Fréchet distance, and a CLIP score lower than its by more than the standard deviation over its
    images; the text says so.

    Args:
        scores: as for ``draw_curves``; the mean over replicates counts.
        arms: by name.
        note: a last sentence, such as what the scores cannot be compared with.
    """
    scores = scores[(scores["images"] == "generated") & (scores["group"] == ALL)]
    plain = sorted(
        (name for name, arm in arms.items() if arm.control == "none" and arm.parent is None),
        key=lambda name: -arms[name].synthetic,
    )
    base, floor = _last(scores, BASE), _last(scores, FLOOR)
    sentences = []
    for name in dict.fromkeys([*plain[:1], *plain[-1:]]):
        end = _last(scores, name)
        sentences.append(
            f"Trained on {percent(arms[name].synthetic)} generated images, {name} has {_say(end)} "
            f"after iteration {end.iteration}: {_judge(end, base)}."
        )
    sentences.append(f"The base model has {_say(base)}, real images {_say(floor)}.")
    if (replicates := scores.loc[scores["arm"] != FLOOR, "replicate"].nunique()) > 1:
        sentences.append(f"These are means of {replicates} replicates.")
    sentences.append(
        "Collapse means here: at least twice the base model's Fréchet distance, and a CLIP score lower by more than "
        f"the standard deviation over the base model's images ({_number(base.deviation)})."
    )
    return "\n".join(textwrap.fill(sentence, 100) for sentence in [*sentences, note] if sentence) + "\n"


class _End(NamedTuple):
    iteration: int
    distance: float
    clip_score: float
    deviation: float


def _last(scores: pd.DataFrame, arm: str) -> _End:
    own = scores[scores["arm"] == arm]
    last = own["iteration"].max()
    means = own[own["iteration"] == last].groupby("metric")["value"].mean()
    return _End(last, *(means.get(name, math.nan) for name in ("frechet_distance", "clip_score", "clip_score_std")))


def _judge(end: _End, base: _End) -> str:
    if any(map(math.isnan, (*end[1:3], *base[1:]))):
        return "not judged, a score is missing"
    farther, lower = end.distance > base.distance, end.clip_score < base.clip_score
    if end.distance >= 2 * base.distance and base.clip_score - end.clip_score > base.deviation:
        return "a collapse"
    if farther and lower:
        return "worse than the base model by both scores, but no collapse"
    if farther or lower:
        return f"worse than the base model by its {'Fréchet distance' if farther else 'CLIP score'} only, no collapse"
    return "no worse than the base model"


def _say(end: _End) -> str:
    return f"a Fréchet distance of {_number(end.distance)} and a CLIP score of {_number(end.clip_score)}"


def _number(value: float) -> str:
    """Return three significant digits, never an exponent."""
    if math.isnan(value):
        return "(none)"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value) or 1)))}f}"
