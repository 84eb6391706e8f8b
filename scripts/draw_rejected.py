"""Draw the generated images that the steps of curation reject."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from scripts.cli import run
from scripts.lib.base import csvs, imageset
from scripts.lib.curation.candidates import TYPES
from scripts.lib.experiment.cell import Cell
from scripts.lib.figures import rejections
from scripts.lib.figures.images import draw_panels, rejected_panel, spaced
from scripts.lib.figures.style import save

NOTHING = np.empty((0, 1, 1, 3), np.uint8)


def main(
    tables: Annotated[list[Path], typer.Argument(help="CSV of steps; of more than ten, ten evenly spaced.")],
    root: Annotated[Path, typer.Option(help="Folder of the results, below which the candidates' image sets lie.")],
    real: Annotated[Path, typer.Option(help="Image set of the real images, the slots' counterparts.")],
    images: Annotated[int, typer.Option(help="Images per step, the farthest from its threshold first.", min=1)],
    output: Annotated[list[Path], typer.Option(help="Figure to write: .png, .svg or .pdf. Repeat it.")],
) -> None:
    """Draw rejected images of each step, the farthest from its threshold first, above their real counterparts."""
    panels = []
    for path in spaced(tables):
        cell, table = Cell.from_path(path.parent), csvs.read(path, TYPES)
        found = rejections.of(table)
        shown = found.rows.head(images)
        pair = (
            (imageset.read_rows(shown, root), imageset.read_images(real, shown["slot"]))
            if len(shown)
            else (NOTHING, NOTHING)
        )
        title = f"{cell.arm}, iteration {cell.iteration}, step {path.stem}"
        panels.append(rejected_panel(title, len(table), found, *pair))
    figure = draw_panels(panels)
    for path in output:
        save(figure, path)


if __name__ == "__main__":
    run(main)
