"""The way back of arms that continue from a collapsed one: how fast, and what does not come back."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from scripts.lib.experiment.arms import Arm, controls_of, say_control
from scripts.lib.figures.looks import looks, name_arms
from scripts.lib.figures.style import WIDTH, styled
from scripts.lib.scoring.recovery import Recovery, recoveries

NONE = "no arm starts from a collapse:\nits Fréchet distance twice the control's"


def draw(scores: pd.DataFrame, arms: Mapping[str, Arm], features: str) -> Figure:
    """Draw the distance to each arm's control since the start, and what unseen prompts lack, one line per arm.

    Args:
        scores: those of one feature space, columns as for ``recovery.recoveries``.
        arms: by name.
        features: whose features the Fréchet distance compares, e.g. ``CLIP``.
    """
    found = recoveries(scores, arms)
    control = say_control(controls_of(arms))
    shown = looks({name: arms[name] for name in found})
    with styled([features, control, *found]):
        figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.axhline(0.5, color="0.35", linestyle=(0, (2, 2)), linewidth=0.9, zorder=1, label="half-life")
        for axes in (left, right):
            axes.axhline(0, color="0.35", linestyle=(0, (8, 3)), linewidth=0.9, zorder=1)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], nbins=8))
            axes.set_xlabel("iterations since the start")
        for name, look in shown.items():
            _draw_way(left, found[name], look)
            right.plot(found[name].unseen.index, found[name].unseen, **look)
        left.set_ylabel(f"distance to {control} that is left\nlog Fréchet distance ({features}), 1 at the start")
        right.set_ylabel(f"CLIP score of unseen prompts\nless that of {control}")
        if found:
            name_arms(figure, left)
        else:
            left.text(0.5, 0.7, NONE, transform=left.transAxes, ha="center")
    return figure


def _draw_way(axes: Axes, one: Recovery, look: Mapping[str, Any]) -> None:
    """Draw what is left of the distance, with a cross where half of it is gone."""
    axes.plot(one.left.index, one.left, **look)
    if not (one.merged or math.isnan(one.half_life)):
        axes.plot([one.half_life], [0.5], marker="x", markersize=7, color=look["color"], linestyle="none")
