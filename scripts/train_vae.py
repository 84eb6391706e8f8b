"""Train the miniature's autoencoder on avatars."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base import imageset
from scripts.lib.base.atomic import replacing
from scripts.lib.training import pretraining


def main(
    images: Annotated[Path, typer.Option(help="Image set to train on.")],
    steps: Annotated[int, typer.Option(help="Optimizer steps.", min=1)],
    batch_size: Annotated[int, typer.Option(help="Images a step.", min=1)],
    seed: Annotated[int, typer.Option(help="Seed of the weights and of the batches.")],
    output: Annotated[Path, typer.Option(help="Folder to write: an AutoencoderKL.")],
) -> None:
    """Train an AutoencoderKL; load it with AutoencoderKL.from_pretrained(OUTPUT)."""
    _, pixels = imageset.read(images)
    vae = pretraining.train_vae(pixels, steps=steps, batch_size=batch_size, seed=seed)
    with replacing(output) as folder:
        vae.save_pretrained(folder)


if __name__ == "__main__":
    run(main)
