"""List the image files of a folder."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base import csvs
from scripts.lib.dataset import files


def main(
    folder: Annotated[Path, typer.Option(help="Where the images are, at any depth.")],
    output: Annotated[Path, typer.Option(help="CSV to write: file_name, excluded, reason, same_as.")],
) -> None:
    """List every image file below FOLDER; none is opened, what can be no image is marked."""
    csvs.write(output, files.list_images(folder))


if __name__ == "__main__":
    run(main)
