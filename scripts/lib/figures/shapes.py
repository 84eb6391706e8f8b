"""The shapes that stand for arms, in every figure, page and table."""

from typing import NamedTuple


class Shape(NamedTuple):
    """A shape in matplotlib's and in text's words, and the dashes of its line on the page.

    Attributes:
        marker: matplotlib's name of it.
        signs: the characters for it, filled, and open for an arm that starts from another one.
        dash: lengths of Vega's dashes and gaps.
    """

    marker: str
    signs: str
    dash: tuple[int, int] = (1, 0)


SHAPES = {
    "circle": Shape("o", "●○"),
    "triangle-down": Shape("v", "▼▽"),
    "triangle-up": Shape("^", "▲△"),
    "triangle-left": Shape("<", "◀◁"),
    "triangle-right": Shape(">", "▶▷"),
    "diamond": Shape("D", "◆◇", (5, 3)),
    "square": Shape("s", "■□", (2, 2)),
    "cross": Shape("P", "✚✚", (6, 2)),
    "stroke": Shape("$▬$", "▬▬", (4, 4)),
}
# Those of arms without curation, by their share; a step of curation names its own.
PLAIN = ["circle", "triangle-down", "triangle-up", "triangle-left", "triangle-right"]
