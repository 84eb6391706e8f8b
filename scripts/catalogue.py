"""List the labelled real images that there are."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import Attributes, run
from scripts.lib import dataset
from scripts.lib.atomic import replacing
from scripts.lib.choices import Source


def main(
    source: Annotated[Source, typer.Option(help="Drawn avatars, or a folder of images with labels.")],
    attributes: Attributes,
    output: Annotated[Path, typer.Option(help="CSV to write: file_name, a column an attribute, group.")],
    per_group: Annotated[int, typer.Option(help="avatars: how many of each group to list.", min=1)] = 60,
    folder: Annotated[Path | None, typer.Option(help="folder: where the images are.")] = None,
    labels: Annotated[Path | None, typer.Option(help="folder: CSV with file_name and a column an attribute.")] = None,
) -> None:
    """List every candidate image with its attributes and its demographic group."""
    if source == "avatars":
        # Only who draws avatars needs the drawing packages.
        from scripts.lib.avatars import ATTRIBUTES

        table = dataset.catalogue_avatars(attributes, ATTRIBUTES, per_group)
    elif folder and labels:
        table = dataset.catalogue_folder(folder, labels, attributes)
    else:
        raise typer.BadParameter("`--source folder` needs --folder and --labels")
    with replacing(output) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


if __name__ == "__main__":
    run(main)
