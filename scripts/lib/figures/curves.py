"""Scores over the iterations: of the whole set (paper, figure 5), and of each demographic group."""

from collections.abc import Mapping
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scripts.lib.experiment.arms import Arm
from scripts.lib.experiment.cell import ALL, FLOOR
from scripts.lib.figures.looks import looks, name_arms
from scripts.lib.figures.style import WIDTH, styled
from scripts.lib.metrics.catalogue import catalogue
from scripts.lib.scoring.replicates import over_replicates

MOST_PANELS = 6
Name = Literal["curves", "diversity", "watermark", "groups"]


NO_GROUP = "groups"  # Stands where no group has the two images that its distance needs.
OF_GROUPS = "kernel_distance"  # Without bias at any n and mixture of groups: panels of one scale can be compared.


def draw(figure: Name, scores: pd.DataFrame, arms: Mapping[str, Arm], features: str) -> Figure:
    """Draw one of the figures of scores of one feature space, one line per arm.

    Args:
        figure: ``curves`` is Fréchet distance and CLIP score, ``diversity`` Vendi score and coverage,
            ``watermark`` how well a mark is found, ``groups`` the kernel distance of every value of every attribute.
        scores: columns ``arm, replicate, iteration, images, group, features, metric, value, n``. The arm ``base``
            has iteration 0, the arm ``floor`` the scores of real images.
        arms: by name.
        features: whose features the scores compare, e.g. ``CLIP``.
    """
    scores = scores[scores["images"] == "generated"]
    with styled([*scores["group"].unique(), features]):
        if figure == "groups":
            return _draw_groups(scores[scores["metric"] == OF_GROUPS], arms, features)
        return _draw_whole(scores[scores["group"] == ALL], arms, features, figure)


def trajectory(scores: pd.DataFrame, name: str, arm: Arm) -> pd.DataFrame:
    """Return the mean of one metric along an arm, from the model that it starts from.

    Args:
        scores: rows of one metric in one feature space, columns as for ``replicates.over_replicates``.
        name: the arm's name.
        arm: the arm; its first point is its parent's, or its base model's.

    Returns:
        Index ``iteration``; columns ``mean``, ``low``, ``high``, ``low_images`` and ``high_images``, see
        ``replicates.over_replicates``.
    """
    start = (scores["arm"] == (arm.parent or arm.model)) & (scores["iteration"] == (arm.from_iteration or 0))
    own = scores[start | (scores["arm"] == name)]
    return over_replicates(own).sort_values("iteration").set_index("iteration")


def _draw_whole(scores: pd.DataFrame, arms: Mapping[str, Arm], features: str, name: Name) -> Figure:
    shown = {key: metric for key, metric in catalogue().items() if metric.figure == name}
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    panels = figure.subplots(1, len(shown), sharex=True)
    for axes, (key, metric) in zip(panels, shown.items(), strict=True):
        own = scores[scores["metric"] == key]
        _draw_lines(axes, own, arms)
        _mark_regions(axes, own, arms)
        compared = f"{features} features, " if metric.of_features else ""
        axes.set_ylabel(f"{metric.title} ({compared}n = {_sizes(own)})\n{metric.reading}")
        if not own.empty and metric.limits is not None:
            bottom, top = metric.limits
            axes.set_ylim(bottom, top or 1.06 * axes.dataLim.y1)
        axes.set_xlabel("iteration (0: base model)")
    name_arms(figure, panels[0])
    return figure


def _draw_groups(scores: pd.DataFrame, arms: Mapping[str, Arm], features: str) -> Figure:
    """Draw one row per attribute and one panel per value, all on one scale."""
    scores = scores[scores["group"] != ALL]
    attributes: dict[str, list[str]] = {}
    for group in scores["group"].unique():
        attributes.setdefault(group.partition("=")[0], []).append(group)
    rows = [
        groups[first : first + MOST_PANELS]
        for groups in attributes.values()
        for first in range(0, len(groups), MOST_PANELS)
    ]
    rows = rows or [[f"{NO_GROUP}=no group"]]
    columns = max(map(len, rows))
    metric = catalogue()[OF_GROUPS]
    figure = Figure(figsize=(WIDTH, 1.5 * len(rows) + 1), layout="constrained")
    grid = figure.subplots(len(rows), columns, sharex=True, sharey=True, squeeze=False)
    for number, (row, panels) in enumerate(zip(rows, grid, strict=True)):
        for axes, group in zip(panels, row, strict=False):
            attribute, _, value = group.partition("=")
            own = scores[scores["group"] == group]
            _draw_lines(axes, own, arms, markersize=3, most_ticks=6)
            axes.set_title(f"{value}\n(n = {_sizes(own)})")
            if number == len(rows) - 1 or len(rows[number + 1]) <= row.index(group):
                axes.tick_params(labelbottom=True)
                axes.set_xlabel("iteration")
        panels[0].set_ylabel(attribute)
        for axes in panels[len(row) :]:
            axes.remove()
    figure.supylabel(f"{metric.title} ({features} features), {metric.reading}")
    name_arms(figure, grid[0, 0])
    return figure


def _draw_lines(
    axes: Axes, scores: pd.DataFrame, arms: Mapping[str, Arm], *, markersize: float | None = None, most_ticks: int = 11
) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], nbins=most_ticks))
    for name, look in looks(arms).items():
        line = trajectory(scores, name, arms[name])
        # The first point is another arm's or the base model's.
        axes.plot(line.index, line["mean"], markevery=slice(1, None), markersize=markersize, **look)
        axes.vlines(
            line.index[1:], *line[["low_images", "high_images"]][1:].T.to_numpy(), color=look["color"], linewidth=0.7
        )
        if line["low"].notna().any():
            axes.fill_between(line.index, line["low"], line["high"], color=look["color"], alpha=0.12, linewidth=0)
    if scores.empty:
        axes.text(0.5, 0.5, "not scored: too few images\nfor these features", transform=axes.transAxes, ha="center")
    floors = scores.loc[scores["arm"] == FLOOR, "value"]  # One per replicate that has its own real images.
    for value, label in zip(floors, ["real images (floor)", *[None] * len(floors)], strict=False):
        axes.axhline(value, color="0.35", linestyle=(0, (8, 3)), linewidth=0.9, zorder=1, label=label)


def _mark_regions(axes: Axes, scores: pd.DataFrame, arms: Mapping[str, Arm]) -> None:
    """Name the sides of the iteration that healing starts from, if it is one and all other arms end by it."""
    healing = {name: arm for name, arm in arms.items() if arm.parent and arm.synthetic == 0}
    starts = {arm.from_iteration or 0 for arm in healing.values()}
    others = scores.loc[~scores["arm"].isin(healing), "iteration"]
    if len(starts) != 1 or others.empty or others.max() > (start := starts.pop()):
        return
    last = scores["iteration"].max()
    axes.set_xlim(-0.5, last + 0.5)
    axes.axvspan(start, last + 0.5, color="0.94", zorder=0)
    for left, right, text in ((0, start, "poisoning"), (start, last, "healing")):
        axes.text((left + right) / 2, 1.02, text, transform=axes.get_xaxis_transform(), ha="center", va="bottom")


def _sizes(scores: pd.DataFrame) -> str:
    """Return from how many images the scores are: ``900``, ``870-900`` where cells differ, ``0`` without scores."""
    sizes = scores["n"]
    return "0" if sizes.empty else "-".join(map(str, sorted({sizes.min(), sizes.max()})))
