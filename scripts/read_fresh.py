"""Read (or draw) one set of fresh real images, for an iteration of arms with `real: fresh`."""

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from scripts.cli import run
from scripts.lib.base import csvs, imageset
from scripts.lib.dataset.reading import read_real
from scripts.lib.experiment.choices import Source


def main(
    table: Annotated[Path, typer.Option(help="CSV of all sets, with the number of each.")],
    number: Annotated[int, typer.Option(help="Which set, from 1.", min=1)],
    source: Annotated[Source, typer.Option(help="Drawn avatars, or a folder of images.")],
    size: Annotated[int, typer.Option(help="Edge of the square images in pixels.", min=1)],
    seed: Annotated[int, typer.Option(help="Seed of the drawings.")],
    output: Annotated[Path, typer.Option(help="Image set to write.")],
    folder: Annotated[Path | None, typer.Option(help="folder: where the images are.")] = None,
) -> None:
    """Write the images of one set, and of no other."""
    every = csvs.read(table, {"number": int})
    rows = every[every["number"] == number].drop(columns="number")
    images = (
        read_real(row, source, folder, size, seed) for row in tqdm(rows.to_dict("records"), desc="read", mininterval=10)
    )
    imageset.write(output, rows, images)


if __name__ == "__main__":
    run(main)
