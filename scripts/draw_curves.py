"""Draw the scores of every arm over its iterations."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from scripts.cli import Arms, run
from scripts.lib.base import csvs
from scripts.lib.experiment.arms import read_arms
from scripts.lib.figures import curves, differences, recovery
from scripts.lib.figures.style import save

Name = Literal[curves.Name, "contrasts", "recovery"]


def main(
    figure: Annotated[Name, typer.Option(help="Which scores to draw; contrasts, recovery: beside the control's.")],
    scores: Annotated[Path, typer.Option(help="CSV of all scores.")],
    arms: Arms,
    space: Annotated[str, typer.Option(help="Feature space of the scores.")],
    network: Annotated[str, typer.Option(help="Whose features these are, for the axes.")],
    output: Annotated[list[Path], typer.Option(help="Figure to write: .png, .svg or .pdf. Repeat it.")],
) -> None:
    """Draw quality, diversity, the quality of every demographic group, differences, or recovery, one line per arm."""
    table = csvs.read(scores, csvs.SCORES)
    table = table[table["features"].isin(["", space])]
    if figure == "contrasts":
        drawn = differences.draw(table, read_arms(arms), network)
    elif figure == "recovery":
        drawn = recovery.draw(table, read_arms(arms), network)
    else:
        drawn = curves.draw(figure, table, read_arms(arms), network)
    for path in output:
        save(drawn, path)


if __name__ == "__main__":
    run(main)
