"""Train the miniature's U-Net and assemble the Stable Diffusion pipeline around it."""

from pathlib import Path
from typing import Annotated

import typer
from diffusers import AutoencoderKL, StableDiffusionPipeline
from transformers import CLIPTextModel, CLIPTokenizer

from scripts.cli import run
from scripts.lib.base import imageset
from scripts.lib.base.atomic import replacing
from scripts.lib.training import denoisers


def main(
    images: Annotated[Path, typer.Option(help="Captioned image set to train on.")],
    clip: Annotated[Path, typer.Option(help="Folder of the trained CLIP: its text tower conditions the U-Net.")],
    vae: Annotated[Path, typer.Option(help="Folder of the trained autoencoder.")],
    steps: Annotated[int, typer.Option(help="Optimizer steps.", min=1)],
    batch_size: Annotated[int, typer.Option(help="Images a step.", min=1)],
    seed: Annotated[int, typer.Option(help="Seed of the weights and of the batches.")],
    output: Annotated[Path, typer.Option(help="Folder to write: a whole StableDiffusionPipeline, float32.")],
) -> None:
    """Train a UNet2DConditionModel; load the result with StableDiffusionPipeline.from_pretrained(OUTPUT)."""
    metadata, pixels = imageset.read(images)
    tokenizer, text_encoder = CLIPTokenizer.from_pretrained(clip), CLIPTextModel.from_pretrained(clip)
    autoencoder = AutoencoderKL.from_pretrained(vae)
    unet = denoisers.train_unet(
        pixels,
        metadata["text"].tolist(),
        autoencoder,
        tokenizer,
        text_encoder,
        steps=steps,
        batch_size=batch_size,
        seed=seed,
    )
    pipeline = StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=denoisers.noise_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    with replacing(output) as folder:
        pipeline.save_pretrained(folder)


if __name__ == "__main__":
    run(main)
