"""How a figure shows an arm: its name in print, and the look that no other arm has."""

from collections import Counter
from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib import colormaps

from scripts.lib.experiment.arms import Arm, percent

# The paper's signs for its two controls; the other shapes tell arms apart where colors are not printed.
CONTROL_MARKERS = {"match_histograms": "D", "cull": "s"}
MARKERS = "ov^<>Pp*"
LINES = ["-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5))]
SIGNS = {"none": "", "match_histograms": "◆ ", "cull": "■ "}


def row_label(name: str, arm: Arm) -> str:
    """Return two lines: the arm's name with its control's sign, and its share with its parent, if it has one."""
    share = f"{percent(arm.synthetic)}, after {arm.parent}" if arm.parent else f"{percent(arm.synthetic)} generated"
    return f"{SIGNS[arm.control]}{name}\n{share}"


def looks(arms: Mapping[str, Arm]) -> dict[str, dict[str, Any]]:
    """Return how matplotlib draws the line of each arm, arms ordered by their share of generated images.

    The color says the share, in a map that is safe for the color-blind and whose lightness falls with
    the share; the marker is the control's or the arm's own, open for an arm with a parent; arms of one
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
            "marker": CONTROL_MARKERS.get(arm.control) or next(markers),
            "markerfacecolor": "white" if arm.parent else colors[arm.synthetic],
            "linestyle": LINES[of_this_share[arm.synthetic] % len(LINES)],
            "label": f"{name} ({percent(arm.synthetic)})",
        }
        of_this_share[arm.synthetic] += 1
    return drawn
