"""Draw the generated images that the steps of curation reject."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from scripts.cli import run
from scripts.lib.base import csvs, imageset
from scripts.lib.curation.candidates import TYPES
from scripts.lib.experiment.cell import Cell
from scripts.lib.figures.images import draw_panels, rejected_panel, spaced
from scripts.lib.figures.style import save

NOTHING = np.empty((0, 1, 1, 3), np.uint8)


def main(
    tables: Annotated[list[Path], typer.Argument(help="CSV of steps; of more than ten, ten evenly spaced.")],
    root: Annotated[Path, typer.Option(help="Folder of the results, below which the candidates' image sets lie.")],
    real: Annotated[Path, typer.Option(help="Image set of the real images, the slots' counterparts.")],
    images: Annotated[int, typer.Option(help="Images per step, highest score first.", min=1)],
    output: Annotated[list[Path], typer.Option(help="Figure to write: .png, .svg or .pdf. Repeat it.")],
) -> None:
    """Draw the rejected images with the highest scores of each step, above their real counterparts."""
    panels = []
    for path in spaced(tables):
        cell, table = Cell.from_path(path.parent), csvs.read(path, TYPES)
        worst = table[~table["accepted"]].nlargest(images, "score")
        pair = (
            (imageset.read_rows(worst, root), imageset.read_images(real, worst["slot"]))
            if len(worst)
            else (NOTHING, NOTHING)
        )
        panels.append(rejected_panel(f"{cell.arm}, iteration {cell.iteration}", table, *pair))
    figure = draw_panels(panels)
    for path in output:
        save(figure, path)


if __name__ == "__main__":
    run(main)
