"""Read (or draw) one set of fresh real images, for an iteration of arms with `real: fresh`."""

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from scripts.cli import Attributes, run
from scripts.lib.base import csvs, imageset
from scripts.lib.dataset.catalogue import catalogue_avatars
from scripts.lib.dataset.fresh import fresh_set
from scripts.lib.dataset.photographs import defect_of
from scripts.lib.dataset.reading import read_real
from scripts.lib.experiment.choices import Source


def main(
    catalogue: Annotated[Path, typer.Option(help="CSV of candidates: file_name, attributes, group.")],
    selection: Annotated[Path, typer.Option(help="CSV of the experiment's images and of the reference.")],
    attributes: Attributes,
    number: Annotated[int, typer.Option(help="Which set, from 1.", min=1)],
    sets: Annotated[int, typer.Option(help="How many sets the experiment needs; all are checked.", min=1)],
    source: Annotated[Source, typer.Option(help="Drawn avatars, or a folder of images.")],
    size: Annotated[int, typer.Option(help="Edge of the square images in pixels.", min=1)],
    seed: Annotated[int, typer.Option(help="Seed of the choice and of the drawings.")],
    output: Annotated[Path, typer.Option(help="Image set to write.")],
    folder: Annotated[Path | None, typer.Option(help="folder: where the images are.")] = None,
) -> None:
    """Write real images for the slots of the experiment, which are in no set before and not in the reference."""

    chosen = csvs.read(selection)
    if source == "avatars":  # As many as are needed can be drawn.
        from scripts.lib.dataset.avatars import ATTRIBUTES

        each = (
            chosen.groupby("group").size().max()
            + sets * chosen[chosen["role"] == "images"].groupby("group").size().max()
        )
        table = catalogue_avatars(attributes, ATTRIBUTES, int(each))
    else:
        table = csvs.read(catalogue)
    rows = fresh_set(table, chosen, number, sets, seed=seed, defect=lambda name: defect_of(folder and folder / name))
    images = (
        read_real(row, source, folder, size, seed) for row in tqdm(rows.to_dict("records"), desc="read", mininterval=10)
    )
    imageset.write(output, rows, images)


if __name__ == "__main__":
    run(main)
