"""Build a base model or a feature network from its folder, before a job of hours fails on it."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base.atomic import write_json
from scripts.lib.base.hashes import content
from scripts.lib.base.kinds import kinds
from scripts.lib.engines import pipelines
from scripts.lib.engines.engine import engine_of, name_of


def main(
    weights: Annotated[Path, typer.Option(help="Folder or file of the weights.")],
    output: Annotated[Path, typer.Option(help="JSON to write: classes and SHA-256 of what was built.")],
    network: Annotated[str | None, typer.Option(help="Feature network; a base pipeline otherwise.")] = None,
) -> None:
    """Compare names and shapes of all weights with their classes, and build schedulers and tokenizers."""
    if network is None:
        pipelines.check(weights)
        classes, engine = engine_of(weights).build(weights), name_of(weights)
    else:
        kind = kinds("networks", mark="extractor")[network]
        kind.check(weights)
        classes, engine = kind.build(weights), None
    record = {"weights": str(weights), "engine": engine, "classes": classes, "sha256": content(weights)}
    write_json(output, record)


if __name__ == "__main__":
    run(main)
