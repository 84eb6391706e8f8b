"""How a figure shows an arm: its name in print, and the look that no other arm has."""

from collections import Counter
from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.lib.experiment.arms import Arm, percent
from scripts.lib.figures.shapes import SHAPES

MARKERS = "ov^<>Pp*"  # They tell arms apart where colors are not printed.
LINES = ["-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5))]


def row_label(name: str, arm: Arm) -> str:
    """Return two lines: the arm's name with the sign of its curation, and its share with its parent, if it has one."""
    share = f"{percent(arm.synthetic)}, after {arm.parent}" if arm.parent else f"{percent(arm.synthetic)} generated"
    sign = f"{SHAPES[arm.shape].signs[0]} " if arm.shape else ""
    return f"{sign}{name}\n{share}"


def looks(arms: Mapping[str, Arm]) -> dict[str, dict[str, Any]]:
    """Return how matplotlib draws the line of each arm, arms ordered by their share of generated images.

    The color says the share, in a map that is safe for the color-blind and whose lightness falls with
    the share; the marker is that of its curation or the arm's own, open for an arm with a parent; arms of one
    share differ by the dashes of their lines.
    """
    shares = sorted({arm.synthetic for arm in arms.values()})
    # Dark is more; the lightest end of the map would vanish on white.
    colors = dict(zip(shares, colormaps["plasma"](np.linspace(0.8, 0, len(shares))), strict=True))
    markers, of_this_share = cycle(MARKERS), Counter[float]()
    drawn = {}
    for name, arm in sorted(arms.items(), key=lambda item: item[1].synthetic):
        drawn[name] = {
            "color": colors[arm.synthetic],
            "marker": SHAPES[arm.shape].marker if arm.shape else next(markers),
            "markerfacecolor": "white" if arm.parent else colors[arm.synthetic],
            "linestyle": LINES[of_this_share[arm.synthetic] % len(LINES)],
            "label": f"{name} ({percent(arm.synthetic)})",
        }
        of_this_share[arm.synthetic] += 1
    return drawn


def name_arms(figure: Figure, axes: Axes) -> None:
    """Put the legend of a panel's lines below a figure."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=4,
        frameon=False,
        handlelength=3.2,
        title="arm (share of generated images)",
    )
