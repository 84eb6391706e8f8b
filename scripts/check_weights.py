"""Build the base model and the feature networks from their folders, before a job of hours fails on one."""

from pathlib import Path
from typing import Annotated, cast

import typer

from scripts.cli import run
from scripts.lib.base.atomic import write_json
from scripts.lib.base.hashes import content
from scripts.lib.engines import pipelines
from scripts.lib.experiment.choices import Network
from scripts.lib.scoring import networks
from scripts.lib.weights.loading import build_network, build_pipeline


def main(
    model: Annotated[Path, typer.Option(help="Folder of the base pipeline.")],
    resolution: Annotated[int, typer.Option(help="Edge of the images in pixels.", min=1)],
    steps: Annotated[list[int], typer.Option(help="Inference steps that will be asked for; may be repeated.")],
    network: Annotated[list[str], typer.Option(help="Feature network; may be repeated.")],
    weights: Annotated[list[Path], typer.Option(help="Its folder or file, in the same order.")],
    output: Annotated[Path, typer.Option(help="JSON to write: classes and SHA-256 of what was built.")],
) -> None:
    """Compare names and shapes of all weights with their classes, and build schedulers and tokenizers."""
    pipelines.check(model)
    pipelines.check_resolution(model, resolution)
    found = {str(model): {"classes": build_pipeline(model, steps), "sha256": content(model)}}
    for name, path in zip(network, weights, strict=True):
        kind = cast(Network, name)
        networks.check(kind, path)
        found[f"{name}: {path}"] = {"classes": build_network(kind, path), "sha256": content(path)}
    write_json(output, found)


if __name__ == "__main__":
    run(main)
