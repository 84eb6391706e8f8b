"""Train the transformer of the second miniature and assemble the Stable Diffusion 3 pipeline around it."""

from pathlib import Path
from typing import Annotated

import typer
from diffusers import AutoencoderKL, StableDiffusion3Pipeline
from transformers import CLIPModel, CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

from scripts.cli import run
from scripts.lib.base import imageset
from scripts.lib.base.atomic import replacing
from scripts.lib.engines import pipelines
from scripts.lib.training import denoisers


def main(
    images: Annotated[Path, typer.Option(help="Captioned image set to train on.")],
    clip: Annotated[Path, typer.Option(help="Folder of a CLIPModel: its text tower takes the place of both CLIPs.")],
    vae: Annotated[Path, typer.Option(help="Folder of an AutoencoderKL.")],
    steps: Annotated[int, typer.Option(help="Optimizer steps.", min=1)],
    batch_size: Annotated[int, typer.Option(help="Images a step.", min=1)],
    seed: Annotated[int, typer.Option(help="Seed of the weights and of the batches.")],
    output: Annotated[Path, typer.Option(help="Folder to write: a whole StableDiffusion3Pipeline, float32.")],
) -> None:
    """Train an SD3Transformer2DModel; load the result with StableDiffusion3Pipeline.from_pretrained(OUTPUT)."""
    metadata, pixels = imageset.read(images)
    tokenizer, text_encoder = CLIPTokenizer.from_pretrained(clip), text_tower(clip)
    autoencoder = pipelines.load(AutoencoderKL, vae)
    autoencoder.register_to_config(shift_factor=0.0)  # The pipeline adds it, and None cannot be added.
    transformer = denoisers.train_transformer(
        pixels,
        metadata["text"].tolist(),
        autoencoder,
        tokenizer,
        text_encoder,
        steps=steps,
        batch_size=batch_size,
        seed=seed,
    )
    pipeline = StableDiffusion3Pipeline(
        vae=autoencoder,
        text_encoder=text_encoder,
        text_encoder_2=text_encoder,
        text_encoder_3=None,
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        tokenizer_3=None,
        transformer=transformer,
        scheduler=denoisers.flow_scheduler(),
    )
    with replacing(output) as folder:
        pipeline.save_pretrained(folder)


def text_tower(clip: Path) -> CLIPTextModelWithProjection:
    """Return the text tower of a CLIPModel with its projection, as Stable Diffusion 3 reads it."""
    whole = pipelines.load(CLIPModel, clip)
    # A CLIPModel's own projection_dim counts, and its text_config may say another.
    config = CLIPTextConfig.from_pretrained(clip, projection_dim=whole.config.projection_dim)
    tower = CLIPTextModelWithProjection(config)
    tower.text_model.load_state_dict(whole.text_model.state_dict())
    tower.text_projection.load_state_dict(whole.text_projection.state_dict())
    return tower.eval()


if __name__ == "__main__":
    run(main)
