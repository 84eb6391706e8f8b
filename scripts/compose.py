"""Compose the training set of one iteration from real and generated images."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import run
from scripts.lib.base import csvs, imageset
from scripts.lib.experiment.choices import Rounding
from scripts.lib.regimes.compose import compose, composition_of


def main(
    real: Annotated[Path, typer.Option(help="Image set of the real images; its rows are the slots.")],
    share: Annotated[float, typer.Option(help="Share of generated images.", min=0, max=1)],
    rounding: Annotated[Rounding, typer.Option(help="total: exact over the whole set; others: in each group.")],
    draw: Annotated[
        int, typer.Option(help="Seed of the slots and of the rounding's ties; equal draws choose equal slots.")
    ],
    training: Annotated[Path, typer.Option(help="CSV to write: which image of which set trains.")],
    composition: Annotated[Path, typer.Option(help="CSV to write: real and generated images a group.")],
    generated: Annotated[
        Path | None, typer.Option(help="Image set of the generated images, or CSV of the cull.")
    ] = None,
) -> None:
    """Let SHARE of the slots of each group train on their generated image, the rest on their real one."""
    slots = imageset.read_metadata(real)
    table = compose(
        slots,
        None if generated is None else _slots(generated),
        share=share,
        rounding=rounding,
        draw=draw,
    )
    csvs.write(training, table)
    csvs.write(composition, composition_of(slots, table))


def _slots(generated: Path) -> pd.DataFrame:
    """Return which generated image each slot has; a slot that the cull left empty has none."""
    if generated.suffix == ".csv":
        table = csvs.read(generated, csvs.CULLED)
        return table[table["file_name"] != ""]
    names = imageset.read_metadata(generated)["file_name"]
    return pd.DataFrame({"slot": names, "file_name": names})


if __name__ == "__main__":
    run(main)
