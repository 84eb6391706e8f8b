"""Say what an experiment will cost before it runs."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.cli import run
from scripts.lib.base.atomic import replacing, write_json
from scripts.lib.engines.engine import engine_of
from scripts.lib.experiment.config.load import load
from scripts.lib.planning import plan_views
from scripts.lib.planning.plan import architecture, plan

if TYPE_CHECKING:
    from scripts.lib.engines.engine import Flops


def main(
    configuration: Annotated[str, typer.Option(help="JSON: the experiment's whole configuration.")],
    results: Annotated[Path, typer.Option(help="Folder of its results; jobs that have run there are the pilot.")],
    page: Annotated[Path, typer.Option(help="HTML page to write; beside it the numbers, as .json.")],
) -> None:
    """Print the jobs, seconds and bytes of an experiment, measured where a job has run and counted elsewhere."""
    experiment = load(json.loads(configuration))

    @cache
    def count(model: str, size: int | None) -> "Flops":
        folder = architecture(Path(experiment.base(model).path))
        return engine_of(folder).count(folder, size)

    result = plan(experiment, results, count)
    with replacing(page) as temporary:
        temporary.write_text(plan_views.page(result), encoding="utf-8")
    write_json(page.with_suffix(".json"), plan_views.numbers(result))
    typer.echo(f"{plan_views.text(result)}\n\nPage: {page}")


if __name__ == "__main__":
    run(main)
