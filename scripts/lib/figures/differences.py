"""Differences of every arm to its control arm over the iterations, with their intervals over paired replicates."""

from collections.abc import Mapping
from math import ceil

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scripts.lib.experiment.arms import Arm, controls_of, say_control
from scripts.lib.experiment.cell import ALL
from scripts.lib.figures.looks import looks, name_arms
from scripts.lib.figures.style import WIDTH, styled
from scripts.lib.metrics.catalogue import catalogue
from scripts.lib.scoring.contrasts import contrasts

COLUMNS = 3


def draw(scores: pd.DataFrame, arms: Mapping[str, Arm], features: str) -> Figure:
    """Draw the differences of the scores that other figures have a panel of, one line per arm.

    Args:
        scores: those of one feature space, columns as for ``contrasts.contrasts``.
        arms: by name.
        features: whose features the scores compare, e.g. ``CLIP``.
    """
    controls = controls_of(arms)
    control = say_control(controls)
    table = contrasts(scores[(scores["images"] == "generated") & (scores["group"] == ALL)], controls)
    # A mark is looked for only where that is asked for.
    scored = {"curves", "diversity", *(["watermark"] if (scores["metric"] == "watermark_auc").any() else [])}
    shown = {name: metric for name, metric in catalogue().items() if metric.figure in scored}
    with styled([features, *arms]):
        rows = ceil(len(shown) / COLUMNS)
        figure = Figure(figsize=(WIDTH, 2.4 * rows + 0.8), layout="constrained")
        panels = figure.subplots(rows, COLUMNS, sharex=True, squeeze=False).ravel()
        for axes, (name, metric) in zip(panels, shown.items(), strict=False):
            _draw_lines(axes, table[table["metric"] == name], arms, control)
            axes.set_ylabel(f"{metric.title}\n{f'{features}, ' if metric.of_features else ''}{metric.reading}")
        for number, axes in enumerate(panels):
            if number >= len(shown):
                axes.remove()
            elif number + COLUMNS >= len(shown):
                axes.tick_params(labelbottom=True)
                axes.set_xlabel("iteration")
        figure.suptitle(f"difference to {control}")
        name_arms(figure, panels[0])
    return figure


def _draw_lines(axes: Axes, table: pd.DataFrame, arms: Mapping[str, Arm], control: str) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], nbins=8))
    label = f"{control} (control)" if control in arms else control
    axes.axhline(0, color="0.35", linestyle=(0, (8, 3)), linewidth=0.9, zorder=1, label=label)
    for name, look in looks(arms).items():
        own = table[table["arm"] == name].sort_values("iteration")
        if not own.empty:
            axes.plot(own["iteration"], own["difference"], **look)
            axes.fill_between(own["iteration"], own["low"], own["high"], color=look["color"], alpha=0.12, linewidth=0)
    if table.empty:
        axes.text(0.5, 0.5, "no iteration with the control", transform=axes.transAxes, ha="center")
