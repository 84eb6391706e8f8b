"""Compare every arm with the control arm."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base import csvs
from scripts.lib.scoring.contrasts import contrasts


def main(
    scores: Annotated[Path, typer.Option(help="CSV of all scores.")],
    output: Annotated[Path, typer.Option(help="CSV to write: one row per arm, iteration, group and metric.")],
    control: Annotated[str | None, typer.Option(help="The control arm; without one the table has no rows.")] = None,
) -> None:
    """Write the paired difference of every arm to the control, with its 95 % interval and Holm's p value."""
    csvs.write(output, contrasts(csvs.read(scores, csvs.SCORES), control))


if __name__ == "__main__":
    run(main)
