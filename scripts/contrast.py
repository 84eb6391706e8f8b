"""Compare every arm with its control arm."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import Arms, run
from scripts.lib.base import csvs
from scripts.lib.experiment.arms import controls_of, read_arms
from scripts.lib.scoring.contrasts import contrasts


def main(
    scores: Annotated[Path, typer.Option(help="CSV of all scores.")],
    arms: Arms,
    output: Annotated[Path, typer.Option(help="CSV to write: one row per arm, iteration, group and metric.")],
) -> None:
    """Write the paired difference of every arm to its control, with its 95 % interval and Holm's p value."""
    csvs.write(output, contrasts(csvs.read(scores, csvs.SCORES), controls_of(read_arms(arms))))


if __name__ == "__main__":
    run(main)
