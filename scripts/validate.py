"""Measure the denoising loss of a model on held-out real images, at noise that is the same for all models."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from scripts.cli import run
from scripts.lib.base import csvs, imageset
from scripts.lib.base.provenance import arguments, recording
from scripts.lib.base.seeds import seed_of
from scripts.lib.engines.engine import engine_of
from scripts.lib.engines.pipelines import device
from scripts.lib.engines.precision import set_tf32
from scripts.lib.training.trainable import trainable_of
from scripts.lib.training.training_data import encode
from scripts.lib.training.validation import validate


def main(
    model: Annotated[Path, typer.Option(help="Folder of the base pipeline.")],
    images: Annotated[Path, typer.Option(help="Image set that no model trains on.")],
    draws: Annotated[int, typer.Option(help="How often noise is drawn for each image.", min=1)],
    seed: Annotated[int, typer.Option(help="Seed of the experiment.")],
    output: Annotated[Path, typer.Option(help="CSV to write: file_name, draw, level of noise, loss.")],
    provenance: Annotated[Path, typer.Option(help="JSON to write: what made it.")],
    trained: Annotated[Path | None, typer.Option(help="Folder of a fine-tune; the base model otherwise.")] = None,
    trainable: Annotated[str, typer.Option(help="What lies in TRAINED: a file of training/trainables.")] = "full",
    batch_size: Annotated[int, typer.Option(help="Images per pass; changes only last bits.", min=1)] = 8,
) -> None:
    """Write the loss of each image at each draw of noise, as the base model was trained by it."""
    with recording(provenance, [model, trained, images], arguments()):
        set_tf32(False)
        engine = engine_of(model)
        metadata, pixels = imageset.read(images)
        data = encode(pixels, metadata["text"].tolist(), engine.encoder(model), flip=False)
        network = trainable_of(trainable).load(engine, model, trained).to(device())
        levels, losses = validate(
            network,
            engine.objective(model),
            data,
            draws=draws,
            batch_size=batch_size,
            seed=seed_of(seed, "validation"),
        )
        table = pd.DataFrame(
            {
                "file_name": np.tile(metadata["file_name"], draws),
                "draw": np.repeat(np.arange(draws), len(metadata)),
                "level": levels.ravel().numpy(),
                "loss": losses.ravel().numpy(),
            }
        )
        csvs.write(output, table)


if __name__ == "__main__":
    run(main)
