"""Train the miniature's CLIP and its tokenizer on captioned avatars."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base import imageset
from scripts.lib.base.atomic import replacing
from scripts.lib.training import pretraining


def main(
    images: Annotated[Path, typer.Option(help="Captioned image set to train on.")],
    steps: Annotated[int, typer.Option(help="Optimizer steps.", min=1)],
    batch_size: Annotated[int, typer.Option(help="Images a step.", min=2)],
    seed: Annotated[int, typer.Option(help="Seed of the weights and of the batches.")],
    output: Annotated[Path, typer.Option(help="Folder to write: a CLIPModel with its tokenizer and processor.")],
) -> None:
    """Train a dual encoder; load it with CLIPModel.from_pretrained(OUTPUT)."""
    metadata, pixels = imageset.read(images)
    captions = metadata["text"].tolist()
    tokenizer = pretraining.train_tokenizer(captions)
    model = pretraining.train_clip(pixels, captions, tokenizer, steps=steps, batch_size=batch_size, seed=seed)
    with replacing(output) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        pretraining.image_processor(pixels.shape[1]).save_pretrained(folder)


if __name__ == "__main__":
    run(main)
