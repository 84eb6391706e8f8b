"""Draw the scores of every arm over its iterations."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import run
from scripts.lib import figures


def main(
    scores: Annotated[Path, typer.Option(help="CSV of all scores.")],
    arms: Annotated[str, typer.Option(help="JSON: name to synthetic, control, parent and from_iteration.")],
    features: Annotated[str, typer.Option(help="Whose features the Fréchet distance compares, for the axis.")],
    output: Annotated[list[Path], typer.Option(help="Figure to write: .png, .svg or .pdf. Repeat it.")],
) -> None:
    """Draw Fréchet distance and CLIP score, one line an arm, from the model that it starts from."""
    figure = figures.draw_curves(pd.read_csv(scores), figures.read_arms(arms), features)
    for path in output:
        figures.save(figure, path)


if __name__ == "__main__":
    run(main)
