"""Choose all sets of fresh real images, for the iterations of arms with `real: fresh`."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import Attributes, run
from scripts.lib.base import csvs
from scripts.lib.dataset.catalogue import catalogue_avatars
from scripts.lib.dataset.fresh import avatar_sets, draw_sets
from scripts.lib.dataset.photographs import defect_of
from scripts.lib.experiment.choices import Source


def main(
    catalogue: Annotated[Path, typer.Option(help="CSV of candidates: file_name, attributes, group.")],
    selection: Annotated[Path, typer.Option(help="CSV of the experiment's images and of the reference.")],
    attributes: Attributes,
    sets: Annotated[int, typer.Option(help="How many sets the experiment needs.", min=1)],
    source: Annotated[Source, typer.Option(help="Drawn avatars, or a folder of images.")],
    seed: Annotated[int, typer.Option(help="Seed of the choice.")],
    output: Annotated[Path, typer.Option(help="CSV to write: the rows of each set, and its number.")],
    folder: Annotated[Path | None, typer.Option(help="folder: where the images are.")] = None,
) -> None:
    """Choose images for the slots of each set, none of them twice or in the reference, or say what is missing."""
    listed, chosen = csvs.read(catalogue), csvs.read(selection)
    if source == "avatars":  # As many as are needed can be drawn.
        from scripts.lib.dataset.avatars import ATTRIBUTES

        each = listed.groupby("group").size().max() + sets * chosen.groupby(["group", "role"]).size().max()
        table = avatar_sets(listed, catalogue_avatars(attributes, ATTRIBUTES, int(each)), chosen, sets)
    else:
        table = draw_sets(listed, chosen, sets, seed=seed, defect=lambda name: defect_of(folder and folder / name))
    csvs.write(output, table)


if __name__ == "__main__":
    run(main)
