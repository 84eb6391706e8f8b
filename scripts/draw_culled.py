"""Draw the generated images that the cull rejects."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from scripts.cli import run
from scripts.lib.base import csvs, imageset
from scripts.lib.experiment.cell import Cell
from scripts.lib.figures.images import culled_panel, draw_panels, spaced
from scripts.lib.figures.style import save

NOTHING = np.empty((0, 1, 1, 3), np.uint8)


def main(
    culled: Annotated[list[Path], typer.Argument(help="culled.csv of cells; of more than ten, ten evenly spaced.")],
    generated: Annotated[list[Path], typer.Option(help="Image set that was culled, one for each culled.csv.")],
    real: Annotated[Path, typer.Option(help="Image set of the real images, the slots' counterparts.")],
    images: Annotated[int, typer.Option(help="Images a cull, worst first.", min=1)],
    output: Annotated[list[Path], typer.Option(help="Figure to write: .png, .svg or .pdf. Repeat it.")],
) -> None:
    """Draw the worst rejected images of each cull with their distances, above their real counterparts."""
    panels = []
    for table, source in spaced(list(zip(culled, generated, strict=True))):
        cell, rows = Cell.from_path(table), csvs.read(table, csvs.CULLED)
        worst = rows[~rows["accepted"]].nlargest(images, "distance")["slot"]
        pair = [imageset.read_images(path, worst) if len(worst) else NOTHING for path in (source, real)]
        panels.append(culled_panel(f"{cell.arm}, iteration {cell.iteration}", rows, *pair))
    figure = draw_panels(panels)
    for path in output:
        save(figure, path)


if __name__ == "__main__":
    run(main)
