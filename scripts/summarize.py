"""Say in a few sentences what the scores show."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import Arms, run
from scripts.lib.base import csvs
from scripts.lib.base.atomic import replacing
from scripts.lib.experiment.arms import read_arms
from scripts.lib.scoring.summary import summarize


def main(
    scores: Annotated[Path, typer.Option(help="CSV of all scores.")],
    arms: Arms,
    space: Annotated[str, typer.Option(help="Feature space of the Fréchet distance.")],
    output: Annotated[Path, typer.Option(help="Text to write.")],
    note: Annotated[str, typer.Option(help="A last sentence, such as what the scores cannot be compared with.")] = "",
) -> None:
    """Say how every arm ends, compared with its control."""
    table = csvs.read(scores, csvs.SCORES)
    text = summarize(table[table["features"].isin(["", space])], read_arms(arms), note)
    with replacing(output) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(main)
