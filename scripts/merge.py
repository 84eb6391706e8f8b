"""Merge two models of an experiment into one, in the place of a fine-tune."""

import json
from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base.atomic import replacing
from scripts.lib.base.kinds import kinds
from scripts.lib.base.provenance import arguments, recording
from scripts.lib.base.seeds import seed_of
from scripts.lib.engines.engine import engine_of
from scripts.lib.training.merging import merge
from scripts.lib.training.trainable import trainable_of


def main(
    model: Annotated[Path, typer.Option(help="Folder of the base pipeline.")],
    kind: Annotated[str, typer.Option(help="How: the name of a file of training/merges.")],
    settings: Annotated[str, typer.Option(help="JSON: the settings of KIND.")],
    seed: Annotated[int, typer.Option(help="Seed of the experiment.")],
    replicate: Annotated[int, typer.Option(help="Seed of the replicate.")],
    iteration: Annotated[int, typer.Option(help="Iteration, from 1.", min=1)],
    output: Annotated[Path, typer.Option(help="Folder to write: the merged network, safetensors.")],
    provenance: Annotated[Path, typer.Option(help="JSON to write: what made it.")],
    of: Annotated[Path | None, typer.Option(help="Folder of the one model; the base model otherwise.")] = None,
    of_trainable: Annotated[str, typer.Option(help="What lies in OF: a file of training/trainables.")] = "full",
    other: Annotated[Path | None, typer.Option(help="Folder of the other model; the base model otherwise.")] = None,
    other_trainable: Annotated[str, typer.Option(help="What lies in OTHER.")] = "full",
) -> None:
    """Write a network whose weights are those of OF and OTHER, merged as KIND says."""
    with recording(provenance, [model, of, other], arguments()):
        engine, chosen = engine_of(model), kinds("training.merges")[kind].Settings(**json.loads(settings))
        one, two = (
            trainable_of(trainable).load(engine, model, folder)
            for trainable, folder in ((of_trainable, of), (other_trainable, other))
        )
        network = merge(one, two, kind, chosen, seed_of(seed, replicate, iteration, "merge"))
        with replacing(output) as folder:
            trainable_of("full").save(network, folder)


if __name__ == "__main__":
    run(main)
