"""Measure how far each generated image is from its real counterpart (cull control)."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base import csvs, imageset
from scripts.lib.curation import controls
from scripts.lib.experiment.choices import Network
from scripts.lib.scoring.features import EXTRACTORS


def main(
    generated: Annotated[Path, typer.Option(help="Image set of generated images.")],
    real: Annotated[Path, typer.Option(help="Image set of real images; equal file names correspond.")],
    network: Annotated[Network, typer.Option(help="Spatial features.")],
    weights: Annotated[Path, typer.Option(help="Folder or file of the network's weights.")],
    batch_size: Annotated[int, typer.Option(help="Images a batch.", min=1)],
    output: Annotated[Path, typer.Option(help="CSV to write: file_name, group, distance.")],
) -> None:
    """Write the single-image Fréchet distance of every generated image to the real image of its slot."""
    metadata, images = imageset.read(generated)
    extract = EXTRACTORS[network](weights, batch_size)
    counterparts = imageset.read_images(real, metadata["file_name"])
    distances = controls.single_image_distances(images, counterparts, extract, batch_size)
    csvs.write(output, metadata[["file_name", "group"]].assign(distance=distances))


if __name__ == "__main__":
    run(main)
