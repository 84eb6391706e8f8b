"""Match the colors of generated images to real ones (color control)."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base import imageset
from scripts.lib.curation import controls
from scripts.lib.experiment.choices import Candidates, Divergence


def main(
    generated: Annotated[Path, typer.Option(help="Image set of generated images.")],
    real: Annotated[Path, typer.Option(help="Image set of real images to choose from.")],
    bins: Annotated[int, typer.Option(help="Bins of each channel's histogram.", min=2)],
    pseudo_count: Annotated[float, typer.Option(help="Added to every bin.", min=1e-300)],
    divergence: Annotated[Divergence, typer.Option(help="Which of the two is the first argument of KL.")],
    candidates: Annotated[
        Candidates, typer.Option(help="Real images to choose from: all, or the image's own group's.")
    ],
    output: Annotated[Path, typer.Option(help="Image set to write; column `matched_to` names the real image.")],
) -> None:
    """Match each image's YCbCr histograms to the real image of least Kullback-Leibler divergence."""
    metadata, images = imageset.read(generated)
    real_metadata, real_images = imageset.read(real)
    groups = None if candidates == "all" else (metadata["group"].to_numpy(), real_metadata["group"].to_numpy())
    matched, nearest = controls.match_to_real(
        images, real_images, bins=bins, pseudo_count=pseudo_count, divergence=divergence, groups=groups
    )
    metadata["matched_to"] = real_metadata["file_name"].to_numpy()[nearest]
    imageset.write(output, metadata, matched)


if __name__ == "__main__":
    run(main)
