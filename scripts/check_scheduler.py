"""Try whether a sampler makes the images of a base model, before a job of hours finds out that it does not."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base.atomic import write_json
from scripts.lib.engines.schedulers import check_scheduler


def main(
    model: Annotated[Path, typer.Option(help="Folder of the base pipeline.")],
    scheduler: Annotated[str, typer.Option(help="Class of diffusers.")],
    output: Annotated[Path, typer.Option(help="JSON to write: what was tried.")],
) -> None:
    """Let SCHEDULER denoise by perfect predictions of the kind that MODEL makes."""
    check_scheduler(model, scheduler)
    write_json(output, {"model": str(model), "scheduler": scheduler})


if __name__ == "__main__":
    run(main)
