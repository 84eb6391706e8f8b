"""Samples: panels of images with titles above the columns and labels before the rows (paper, figures 1 to 4 and 6)."""

from collections.abc import Mapping, Sequence
from itertools import chain
from math import ceil
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath
from PIL import Image

from scripts.lib.experiment.arms import Arm
from scripts.lib.figures.looks import row_label
from scripts.lib.figures.rejections import Rejections
from scripts.lib.figures.style import DPI, STYLE, WIDTH, styled

# Lengths in pixels of the PNG.
LARGEST_TILE, TILE_GAP, COLUMN_GAP, ROW_GAP, PANEL_GAP = 192, 3, 24, 12, 30
POINTS = STYLE["font.size"]
LINE = round(1.25 * POINTS * DPI / 72)
MOST_COLUMNS, MOST_ROWS = 10, 16
LONGEST_LINE = 600  # Pixels of a label, or of a word of a title.


T = TypeVar("T")


class Panel(NamedTuple):
    """A block of the figure: what it is, the columns' titles, and for every row its label and each column's images.

    The images of one column are uint8 of shape (n, height, width, 3), or None where there are none.
    """

    title: str
    columns: list[str]
    rows: Mapping[str, Sequence[np.ndarray | None]]


def title_of(prompt: str) -> str:
    """Return what stands above the images of a prompt."""
    return prompt if prompt.strip() else "(empty prompt)"


def spaced(items: Sequence[T], most: int = MOST_COLUMNS) -> list[T]:
    """Return all items, or ``most`` evenly spaced ones from the first to the last."""
    positions = np.linspace(0, len(items) - 1, min(len(items), most)).round().astype(int)
    return [items[position] for position in positions]


def slots(table: pd.DataFrame, group: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of an image set's table that have these values of these attributes; all for none."""
    return table[(table[list(group)] == pd.Series(group, dtype=str)).all(axis=1)]


def spread(table: pd.DataFrame, number: int) -> pd.DataFrame:
    """Return ``number`` rows of a set's table: the first slots of evenly spaced groups, then their second ones."""
    groups = table["group"].unique()
    parts = min(number, len(groups))
    # The middle of each part: the first and the last group are often of the same age, or the like.
    middles = groups[[int((part + 0.5) * len(groups) / parts) for part in range(parts)]]
    chosen = table[table["group"].isin(middles)]
    places = chosen.groupby("group").cumcount().sort_values(kind="stable").index[:number]
    return chosen.loc[places.sort_values()]


def iteration_panels(arms: Mapping[str, Arm], images: Mapping[tuple[str, int], np.ndarray]) -> list[Panel]:
    """Return one panel for the arms that start from the base model, and one for each later start.

    Args:
        arms: by name, in the order of the rows.
        images: uint8 (n, height, width, 3) by arm and iteration.
    """
    panels = []
    for start in sorted({arm.from_iteration or 0 for arm in arms.values()}):
        members = {name: arm for name, arm in arms.items() if (arm.from_iteration or 0) == start}
        iterations = spaced(sorted({iteration for name, iteration in images if name in members}))
        rows = {
            row_label(name, arm): [images.get((name, iteration)) for iteration in iterations]
            for name, arm in members.items()
        }
        panels.append(Panel("", [f"iteration {iteration}" for iteration in iterations], rows))
    return panels


def rejected_panel(title: str, total: int, found: Rejections, generated: np.ndarray, real: np.ndarray) -> Panel:
    """Return images that one step of curation rejects, above the real ones of their slots.

    Args:
        title: which step of which cell it is.
        total: how many candidates it judged.
        found: what it rejected.
        generated, real: uint8 (n, height, width, 3) of the first of them, in that order.
    """
    scores = [f"{score:.3g}" if np.isfinite(score) else "" for score in found.rows["score"].head(len(generated))]
    beyond = "" if found.threshold is None else f"\n{found.side or 'threshold'} {found.threshold:.3g}"
    label = f"rejected: score{beyond}" if any(scores) else "rejected"
    return Panel(
        f"{title}\n{len(found.rows)} of {total} rejected",
        scores or ["none rejected"],
        {
            label: [image[None] for image in generated] or [None],
            "real images": [image[None] for image in real] or [None],
        },
    )


def draw_panels(panels: Sequence[Panel]) -> Figure:
    """Draw panels below each other, columns aligned, in the width of the page; what is wider continues below.

    Images smaller than a tile are enlarged by whole factors without smoothing, larger ones reduced.
    """
    with styled(text for panel in panels for text in (panel.title, *panel.columns, *panel.rows)):
        return _draw_panels([_with_short_lines(panel) for panel in panels])


def _with_short_lines(panel: Panel) -> Panel:
    """Break what stands above and before the images into lines that leave room for them."""
    rows = {_wrap_lines(label): row for label, row in panel.rows.items()}
    return Panel(_wrap_lines(panel.title), panel.columns, rows)


def _draw_panels(panels: Sequence[Panel]) -> Figure:
    labels = [label for panel in panels for label in (panel.title, *panel.rows)]
    cells = [cell for panel in panels for row in panel.rows.values() for cell in row if cell is not None]
    per_cell = max((len(cell) for cell in cells), default=1)
    widths = (_width(word) for panel in panels for title in panel.columns for word in title.split())
    words = min(max(widths, default=0), LONGEST_LINE)
    left = max(_width(line) for label in labels for line in label.split("\n")) + 3 * COLUMN_GAP
    most = max(1, (round(WIDTH * DPI) - left) // (words + COLUMN_GAP))
    panels = [part for panel in panels for part in _broken(panel, most)]
    columns = max(len(panel.columns) for panel in panels)
    room = (round(WIDTH * DPI) - left) // columns - COLUMN_GAP
    fitting = max(1, min(LARGEST_TILE, (room + TILE_GAP) // per_cell - TILE_GAP))
    # Unseen prompts have the model's own size, the others that of the data.
    tile = max((len(_tile(cell[0], fitting)) for cell in cells if len(cell)), default=fitting)
    column = max(per_cell * (tile + TILE_GAP) - TILE_GAP, words)
    titles = [[_wrap(title, column) for title in panel.columns] for panel in panels]

    width = left + columns * (column + COLUMN_GAP)
    heads = [max(_lines(title) for title in (panel.title, *row)) for panel, row in zip(panels, titles, strict=True)]
    heads = [lines * LINE + ROW_GAP for lines in heads]
    steps = [max(tile, *(_lines(label) * LINE for label in panel.rows)) + ROW_GAP for panel in panels]
    heights = [head + len(panel.rows) * step for head, step, panel in zip(heads, steps, panels, strict=True)]
    height = sum(heights) + PANEL_GAP * len(panels)

    canvas = np.full((height, width, 3), 255, np.uint8)
    figure = Figure(figsize=(width / DPI, height / DPI))
    axes = figure.add_axes((0, 0, 1, 1))
    top = PANEL_GAP // 2
    for panel, row_of_titles, head, step in zip(panels, titles, heads, steps, strict=True):
        lefts = [left + number * (column + COLUMN_GAP) for number in range(len(panel.columns))]
        for x, title in ((COLUMN_GAP, panel.title), *zip(lefts, row_of_titles, strict=True)):
            axes.text(x, top + head - ROW_GAP // 2, title, va="bottom")
        top += head
        for label, row in panel.rows.items():
            axes.text(COLUMN_GAP, top + (step - ROW_GAP) / 2, label, va="center")
            for x, cell in zip(lefts, row, strict=True):
                for number, image in enumerate([] if cell is None else cell):
                    at = x + number * (tile + TILE_GAP)
                    shown = _tile(image, fitting)
                    canvas[top : top + len(shown), at : at + len(shown)] = shown
            top += step
        top += PANEL_GAP
    axes.imshow(canvas, interpolation="none", extent=(0, width, height, 0), aspect="auto")
    axes.set_axis_off()
    return figure


def _broken(panel: Panel, most: int) -> list[Panel]:
    """Break a panel into some of at most ``most`` columns, about equally many; the first has the title."""
    number = ceil(len(panel.columns) / ceil(len(panel.columns) / most))
    return [
        Panel(
            panel.title if start == 0 else "",
            panel.columns[start : start + number],
            {label: row[start : start + number] for label, row in panel.rows.items()},
        )
        for start in range(0, len(panel.columns), number)
    ]


def _tile(image: np.ndarray, edge: int) -> np.ndarray:
    """Return the image at most ``edge`` pixels wide."""
    if len(image) <= edge:
        factor = edge // len(image)
        return image.repeat(factor, axis=0).repeat(factor, axis=1)
    return np.asarray(Image.fromarray(image).resize((edge, edge), Image.Resampling.LANCZOS))


def _width(text: str) -> int:
    """Return the width of a line of text in pixels."""
    return round(TextPath((0, 0), text, size=POINTS).get_extents().width * DPI / 72) if text.strip() else 0


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0


def _wrap_lines(text: str) -> str:
    return "\n".join(_wrap(line, LONGEST_LINE) for line in text.split("\n"))


def _wrap(text: str, width: int) -> str:
    """Break text at spaces into lines of at most ``width`` pixels, and a word that is longer anywhere."""
    lines = [""]
    for part in chain.from_iterable(_parts(word, width) for word in text.split()):
        longer = f"{lines[-1]} {part}".strip()
        if _width(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(part)
    return "\n".join(lines)


def _parts(word: str, width: int) -> list[str]:
    """Break a word into parts of at most ``width`` pixels, one character at least."""
    parts = [""]
    for character in word if _width(word) > width else [word]:
        if parts[-1] and _width(parts[-1] + character) > width:
            parts.append("")
        parts[-1] += character
    return parts
