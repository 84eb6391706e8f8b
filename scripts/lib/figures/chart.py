"""The chart of the page on which one walks through an experiment, and how it draws each arm."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt
import numpy as np

from scripts.lib.experiment.arms import Arm
from scripts.lib.figures.shapes import PLAIN, SHAPES

# Matplotlib's plasma at eight even steps. Each theme uses the part that stands out from its background.
PLASMA = ["#0d0887", "#5302a3", "#8b0aa5", "#b83289", "#db5c68", "#f48849", "#febd2a", "#f0f921"]
LIGHT, DARK = (0.48, 0.0), (0.56, 0.97)  # from the smallest share of generated images to the largest, contrast over 4.5

DASHES = [[8, 3, 2, 3], [3, 6], [1, 2]]  # of the second and further arms of one sign


class Style(NamedTuple):
    """How an arm is drawn: colors in the light and the dark theme, shape and sign, dashes, filled or open."""

    light: str
    dark: str
    shape: str
    sign: str
    dash: list[int]
    filled: bool


def styles(arms: Mapping[str, Arm]) -> dict[str, Style]:
    """Return how each arm is drawn: the farther from the background, the larger its share of generated images."""
    shares = sorted({arm.synthetic for arm in arms.values()})
    result: dict[str, Style] = {}
    for name, arm in arms.items():
        rank = shares.index(arm.synthetic)
        light, dark = (_plasma(np.interp(rank, (0, max(len(shares) - 1, 1)), ends)) for ends in (LIGHT, DARK))
        shape = arm.shape or PLAIN[rank % len(PLAIN)]
        dash = list(SHAPES[shape].dash)
        filled = arm.parent is None
        if alike := sum((style.shape, style.filled) == (shape, filled) for style in result.values()):
            dash = DASHES[(alike - 1) % len(DASHES)]
        # The last character asks browsers for the sign as text: some draw triangles as emoji.
        result[name] = Style(light, dark, shape, SHAPES[shape].signs[not filled] + "\ufe0e", dash, filled)
    return result


def _plasma(position: float) -> str:
    channels = np.array([[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in PLASMA]).T
    steps = np.linspace(0, 1, len(PLASMA))
    return "#" + "".join(f"{round(float(np.interp(position, steps, channel))):02x}" for channel in channels)


# The look of the whole chart. Its colors are the page's, so that they follow its theme.
LOOK = {
    "font": "system-ui, sans-serif",
    "autosize": {"type": "fit-x", "contains": "padding"},
    "view": {"stroke": None, "cursor": "pointer"},
    "axis": {
        **dict.fromkeys(("labelColor", "titleColor", "domainColor", "tickColor", "gridColor"), "currentColor"),
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "domainOpacity": 0.4,
        "tickOpacity": 0.4,
        "gridOpacity": 0.1,
        "aria": False,
    },
    "mark": {"aria": False},  # the page describes the chart as a whole, and its table has the numbers
    "text": {"fontSize": 12},
}


def chart(arms: Mapping[str, Style], bases: Sequence[str]) -> dict[str, Any]:
    """Return the Vega-Lite specification of the curves.

    The page gives it its data set ``scores`` (``arm``, ``replicate``, ``iteration``, ``value``, and
    ``start`` for a line's first point, which is another arm's) and sets its parameters ``arm`` and
    ``iteration`` (the chosen cell) and ``zero`` (of the axis). ``pointed`` and ``clicked`` say which
    cell the pointer is at. Colors are variables of the page's style, so that they follow its theme.

    Args:
        arms: how each arm is drawn.
        bases: the names of the base models.
    """
    whole_number = "datum.value % 1 ? '' : format(datum.value, 'd')"  # tickMinStep alone labels the half of 0 to 1
    scores = alt.Chart(alt.NamedData("scores")).encode(
        x=alt.X("iteration:Q", title="iteration", axis=alt.Axis(labelExpr=whole_number, tickMinStep=1, grid=False)),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=alt.expr("zero"))),
    )
    parameters = [alt.param("arm", value=""), alt.param("iteration", value=0), alt.param("zero", value=True)]
    return (
        alt.layer(*_floor(scores), _lines(scores, arms, bases), *_points(scores, arms, bases))
        .add_params(*parameters)
        .resolve_scale(color="independent", fill="independent", stroke="independent")
        .properties(width="container", height=340, background="transparent")
        .configure(**LOOK)
        .to_dict()
    )


def _floor(scores: alt.Chart) -> tuple[alt.Chart, alt.Chart]:
    """Return the rule at the score of real images, and its label."""
    floor = scores.transform_filter("datum.arm === 'floor'").encode(x=alt.value(0))
    rule = floor.mark_rule(strokeDash=[6, 4], stroke="currentColor", opacity=0.6).encode(x2=alt.value("width"))
    text = floor.mark_text(align="right", dy=-7, dx=-2, fill="currentColor", opacity=0.8).encode(
        x=alt.value("width"), text=alt.value("real images")
    )
    return rule, text


def _lines(scores: alt.Chart, arms: Mapping[str, Style], bases: Sequence[str]) -> alt.Chart:
    """Return a line per arm, through the means over replicates."""
    dashes = [style.dash for style in arms.values()]
    return (
        scores.transform_filter("datum.arm !== 'floor'")
        .mark_line(strokeWidth=2)
        .encode(
            y="mean(value):Q",
            color=alt.Color("arm:N", scale=_by_arm(arms, _strokes(arms), bases, "currentColor"), legend=None),
            strokeDash=alt.StrokeDash("arm:N", scale=_by_arm(arms, dashes, bases, [1, 0]), legend=None),
            strokeOpacity=alt.condition("datum.arm === arm || arm === ''", alt.value(1), alt.value(0.75)),
        )
    )


def _points(scores: alt.Chart, arms: Mapping[str, Style], bases: Sequence[str]) -> tuple[alt.Chart, alt.Chart]:
    """Return a point per cell, and the ring around the chosen one."""
    pointed, clicked = (
        alt.selection_point(name=name, fields=["arm", "iteration"], on=on, clear=clear, nearest=True, empty=False)
        for name, on, clear in (("pointed", "pointerover", "pointerout"), ("clicked", "click", False))
    )
    chosen = "datum.arm === arm && datum.iteration === iteration"
    cells = scores.transform_filter("datum.arm !== 'floor' && !datum.start")
    ring = cells.mark_point(size=330, strokeWidth=1.5, stroke="currentColor", shape="circle").encode(
        opacity=alt.condition(chosen, alt.value(1), alt.value(0))
    )
    fills = [
        color if style.filled else "var(--paper)" for color, style in zip(_strokes(arms), arms.values(), strict=True)
    ]
    shapes = [style.shape for style in arms.values()]
    points = (
        cells.mark_point(strokeWidth=1.6, opacity=1)
        .encode(
            stroke=alt.Stroke("arm:N", scale=_by_arm(arms, _strokes(arms), bases, "currentColor"), legend=None),
            fill=alt.Fill("arm:N", scale=_by_arm(arms, fills, bases, "currentColor"), legend=None),
            shape=alt.Shape("arm:N", scale=_by_arm(arms, shapes, bases, "circle"), legend=None),
            size=alt.condition(pointed, alt.value(150), alt.value(70)),
        )
        .add_params(pointed, clicked)
    )
    return ring, points


def _strokes(arms: Mapping[str, Style]) -> list[str]:
    return [f"var(--arm-{number})" for number in range(len(arms))]


def _by_arm(arms: Mapping[str, Style], values: list[Any], bases: Sequence[str], of_bases: Any) -> alt.Scale:
    """Return the scale that gives each arm its value, and all base models one."""
    return alt.Scale(domain=[*arms, *bases], range=[*values, *[of_bases] * len(bases)])
