"""Reject the generated images that are far from their real counterparts (cull control)."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base import csvs
from scripts.lib.curation import controls
from scripts.lib.experiment.choices import OnReject, Shortfall


def main(
    distances: Annotated[Path, typer.Option(help="CSV of the single-image distances of the images to cull.")],
    first_distances: Annotated[
        Path, typer.Option(help="CSV of the first batch's distances: their mean is the threshold.")
    ],
    on_reject: Annotated[OnReject, typer.Option(help="What becomes of a rejected image's slot.")],
    shortfall: Annotated[Shortfall, typer.Option(help="What a group without an accepted image does.")],
    seed: Annotated[int, typer.Option(help="Seed of the replacements.")],
    output: Annotated[Path, typer.Option(help="CSV to write: slot, file_name, group, distance, threshold, accepted.")],
) -> None:
    """Keep images within the mean distance of the first batch; replace or drop the others."""
    threshold = csvs.read(first_distances, csvs.DISTANCES)["distance"].mean()
    table = csvs.read(distances, csvs.DISTANCES)
    table = controls.cull(table, threshold, on_reject=on_reject, shortfall=shortfall, seed=seed)
    csvs.write(output, table)


if __name__ == "__main__":
    run(main)
