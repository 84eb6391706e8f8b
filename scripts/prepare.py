"""Read (or draw) the selected real images into two image sets."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from scripts.cli import run
from scripts.lib.base import csvs, imageset
from scripts.lib.dataset import near_duplicates
from scripts.lib.dataset.reading import read_real
from scripts.lib.dataset.selection import ROLES, refuse
from scripts.lib.experiment.choices import Broken, ShortGroup, Source


def main(
    selection: Annotated[Path, typer.Option(help="CSV of the chosen images.")],
    groups: Annotated[Path, typer.Option(help="CSV of what each group has, gives and lacks.")],
    excluded: Annotated[Path, typer.Option(help="CSV of the files that are not used, and why.")],
    short_group: Annotated[ShortGroup, typer.Option(help="What a group with too few images does.")],
    source: Annotated[Source, typer.Option(help="Drawn avatars, or a folder of images.")],
    size: Annotated[int, typer.Option(help="Edge of the square images in pixels.", min=1)],
    seed: Annotated[int, typer.Option(help="avatars: seed of the drawings.")],
    images: Annotated[Path, typer.Option(help="Image set to write: the experiment's real images.")],
    reference: Annotated[Path, typer.Option(help="Image set to write: the scoring reference.")],
    duplicates: Annotated[Path, typer.Option(help="CSV to write: images that the reference has nearly the same.")],
    folder: Annotated[Path | None, typer.Option(help="folder: where the images are.")] = None,
    broken: Annotated[Broken, typer.Option(help="folder: what a file that cannot be read does.")] = "error",
) -> None:
    """Write the experiment's real images and the scoring reference, upright, square, SIZE pixels.

    A selection that the experiment cannot use is refused first. Images that are nearly the same in both are named.
    """
    refuse(csvs.read(groups, csvs.GROUPS), csvs.read(excluded), short_group=short_group, broken=broken)
    table = csvs.read(selection)
    thumbnails, sources = {}, {}
    for role, output in zip(ROLES, (images, reference), strict=True):
        part = table[table["role"] == role].drop(columns="role")
        small: list[np.ndarray] = []
        imageset.write(output, part, _images(part, f"read {role}", source, folder, size, seed, small))
        thumbnails[role], sources[role] = np.stack(small), part["source"].to_numpy()
    found = near_duplicates.find(thumbnails["images"], thumbnails["reference"])
    for role, column in zip(ROLES, ("image", "reference"), strict=True):
        found[column] = sources[role][found[column]]
    # A short group may repeat its images, and a matched reference has the very images.
    found = found[found["image"] != found["reference"]].drop_duplicates(ignore_index=True)
    if len(found):
        print(
            "Warning: near-duplicates between the experiment's images and the scoring reference: "
            f"{len(found)}, such as {found['image'][0]!r} and {found['reference'][0]!r}; {duplicates} names them all",
            file=sys.stderr,
        )
    csvs.write(duplicates, found)


def _images(
    table: pd.DataFrame,
    title: str,
    source: str,
    folder: Path | None,
    size: int,
    seed: int,
    thumbnails: list[np.ndarray],
) -> Iterator[np.ndarray]:
    """Yield the images of a table one by one, and keep of each what finds its near-duplicates."""
    for row in tqdm(table.to_dict("records"), desc=title, mininterval=10):
        image = read_real(row, source, folder, size, seed)
        thumbnails.append(near_duplicates.shrink(image))
        yield image


if __name__ == "__main__":
    run(main)
