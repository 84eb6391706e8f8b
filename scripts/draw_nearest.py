"""Draw the images that are nearest to a training image, above that image."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from scripts.cli import run
from scripts.lib.base import imageset
from scripts.lib.experiment.cell import Cell
from scripts.lib.figures.images import Panel, draw_panels
from scripts.lib.figures.style import save


def main(
    scores: Annotated[list[Path], typer.Argument(help="scores.json of cells; their folders name the cells.")],
    generated: Annotated[list[Path], typer.Option(help="generated.zip of the cells, in the same order. Repeat it.")],
    root: Annotated[Path, typer.Option(help="Folder of the results, below which the training images lie.")],
    output: Annotated[list[Path], typer.Option(help="Figure to write: .png, .svg or .pdf. Repeat it.")],
) -> None:
    """Draw the nearest pairs of each cell, the nearest first, with their distances."""
    panels = []
    for path, images in zip(scores, generated, strict=True):
        cell, pairs = Cell.from_path(path), json.loads(path.read_text(encoding="utf-8"))["nearest"]
        shown = imageset.read_images(images, [pair["file_name"] for pair in pairs])
        rows = {
            "generated": [image[None] for image in shown],
            "nearest\ntraining image": [_read(root, pair["training"])[None] for pair in pairs],
        }
        title = f"{cell.arm}, iteration {cell.iteration}"
        panels.append(Panel(title, [f"{pair['distance']:.3g}" for pair in pairs], rows))
    figure = draw_panels(panels)
    for path in output:
        save(figure, path)


def _read(root: Path, name: str) -> np.ndarray:
    """Return an image by the path of its image set and its own name in it."""
    images, _, file_name = name.partition(".zip/")
    return next(imageset.iterate(root / f"{images}.zip", [file_name]))


if __name__ == "__main__":
    run(main)
