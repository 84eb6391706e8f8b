"""Read (or draw) the selected real images into two image sets."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from tqdm import tqdm

from scripts.cli import run
from scripts.lib import dataset
from scripts.lib.base import csvs, imageset
from scripts.lib.experiment.choices import Source


def main(
    selection: Annotated[Path, typer.Option(help="CSV of the chosen images.")],
    source: Annotated[Source, typer.Option(help="Drawn avatars, or a folder of images.")],
    size: Annotated[int, typer.Option(help="Edge of the square images in pixels.", min=1)],
    seed: Annotated[int, typer.Option(help="avatars: seed of the drawings.")],
    images: Annotated[Path, typer.Option(help="Image set to write: the experiment's real images.")],
    reference: Annotated[Path, typer.Option(help="Image set to write: the scoring reference.")],
    folder: Annotated[Path | None, typer.Option(help="folder: where the images are.")] = None,
) -> None:
    """Write the experiment's real images and the scoring reference, upright, square, SIZE pixels."""
    table = csvs.read(selection)
    for role, output in zip(dataset.ROLES, (images, reference), strict=True):
        part = table[table["role"] == role].drop(columns="role")
        progress = tqdm(part.to_dict("records"), desc=f"read {role}", mininterval=10)
        imageset.write(output, part, (_image(row, source, folder, size, seed) for row in progress))


def _image(row: dict[str, str], source: str, folder: Path | None, size: int, seed: int) -> np.ndarray:
    if source == "avatars":
        from scripts.lib.avatars import draw

        return draw(row["gender"], row["tone"], row["age"], seed=f"{seed}/{row['source']}", size=size)
    if folder is None:
        raise typer.BadParameter("`--source folder` needs --folder")
    return dataset.read_image(folder / row["source"], size)


if __name__ == "__main__":
    run(main)
