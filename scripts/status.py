"""Say how far an experiment is."""

import json
from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.experiment.config.load import load
from scripts.lib.planning import status
from scripts.lib.planning.jobs import jobs

COLORS: dict[status.State, str | None] = {"done": "green", "running": "blue", "failed": "red", "begun": "yellow"}


def main(
    configuration: Annotated[str, typer.Option(help="JSON: the experiment's whole configuration.")],
    results: Annotated[Path, typer.Option(help="Folder of its results.")],
    records: Annotated[Path, typer.Option(help="Folder of Snakemake's records.")] = Path(".snakemake"),
) -> None:
    """Print which cells of an experiment are done, running, failed, begun and missing; in color on a terminal."""
    experiment = load(json.loads(configuration))
    states = status.states_of(jobs(experiment), results, status.unfinished(records))
    typer.echo(
        status.text(experiment.experiment, states, results, lambda state, text: typer.style(text, fg=COLORS.get(state)))
    )


if __name__ == "__main__":
    run(main)
