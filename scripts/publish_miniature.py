"""Publish a miniature: store it in half precision, measure it on held-out avatars, write its card."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer
from diffusers import AutoencoderKL, DiffusionPipeline
from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizer

from scripts.cli import run
from scripts.lib.base.atomic import replacing
from scripts.lib.base.safetensors_files import read_json
from scripts.lib.base.seeds import seed_of
from scripts.lib.dataset import avatars
from scripts.lib.dataset.catalogue import catalogue_avatars
from scripts.lib.engines import pipelines
from scripts.lib.engines.generation import generate, load_pipeline
from scripts.lib.metrics.clip_score import clip_scores
from scripts.lib.metrics.frechet_distance import frechet_distance
from scripts.lib.training.pretraining import to_pixels
from scripts.lib.vision.clip_model import Clip

PER_GROUP = 30
LITTLE_GUIDANCE = 1.5  # Guidance trades likeness to the data for sharpness: the card states both ends.


def main(
    pipeline: Annotated[Path, typer.Option(help="Folder of the trained pipeline.")],
    clip: Annotated[Path, typer.Option(help="Folder of the CLIP that measures.")],
    template: Annotated[
        Path, typer.Option(help="Model card, with {quality} where that part comes, and {names} of measurements.")
    ],
    quality: Annotated[Path, typer.Option(help="That part of the card, with {names} of the measurements in braces.")],
    strength: Annotated[float, typer.Option(help="Image-to-image strength of the measurement.", min=0, max=1)],
    steps: Annotated[int, typer.Option(help="Inference steps of the measurement.", min=1)],
    guidance_scale: Annotated[float, typer.Option(help="Guidance scale of the measurement.", min=1)],
    output: Annotated[Path, typer.Option(help="Folder to write: the pipeline and README.md.")],
    store_clip: Annotated[bool, typer.Option(help="Whether the CLIP is published with it, in clip/.")] = False,
) -> None:
    """Write a miniature as experiments load it, with a card that gives its measured quality."""
    settings: dict[str, Any] = {"strength": strength, "steps": steps, "guidance_scale": guidance_scale}
    with replacing(output) as folder:
        halve(pipeline, folder)
        if store_clip:
            pipelines.load(CLIPModel, clip).half().save_pretrained(folder / "clip")
            CLIPTokenizer.from_pretrained(clip).save_pretrained(folder / "clip")
            CLIPImageProcessor.from_pretrained(clip).save_pretrained(folder / "clip")
        measured = measure(folder, folder / "clip" if store_clip else clip, settings) | settings
        text = quality.read_text(encoding="utf-8").format(**measured)
        card = template.read_text(encoding="utf-8").format(quality=text.rstrip(), **measured)
        (folder / "README.md").write_text(card, encoding="utf-8")


def halve(pipeline: Path, folder: Path) -> None:
    """Write a pipeline of any class again, its weights in float16."""
    index = read_json(pipeline / "model_index.json")
    absent = {name: None for name, part in index.items() if part == [None, None]}
    options = {"dtype": torch.float16, "use_safetensors": True, "local_files_only": True}
    DiffusionPipeline.from_pretrained(pipeline, **options, **absent).save_pretrained(folder)


def measure(model: Path, clip: Path, settings: dict[str, Any]) -> dict[str, float]:
    """Measure a miniature on faces that its training never saw, n of them and an equal reference.

    Returns:
        ``psnr`` of the autoencoder in dB; ``accuracy_*`` of zero-shot classification among the prompts
        of all groups, in percent; ``frechet_base`` and ``frechet_floor`` (generated and real images
        against the reference), ``clip_base`` and ``clip_floor``; ``frechet_little`` and ``clip_little`` of images
        generated with ``little_guidance``; ``n``; ``tokens`` of the vocabulary; ``ratio`` of the base's
        distance to the floor.
    """
    candidates = catalogue_avatars(avatars.ATTRIBUTES, avatars.ATTRIBUTES, 2 * PER_GROUP)
    faces = [
        avatars.draw(**{name: row[name] for name in avatars.ATTRIBUTES}, seed=f"card/{row['file_name']}", size=32)
        for row in candidates.to_dict("records")
    ]
    first = candidates.groupby("group").cumcount() < PER_GROUP
    table, real, reference = candidates[first], np.stack(faces)[first], np.stack(faces)[~first]
    attributes = table[list(avatars.ATTRIBUTES)]
    prompts = [avatars.caption(*row) for row in attributes.to_numpy()]
    pipeline, seeds = load_pipeline("img2img", model), [seed_of("card", index) for index in range(len(prompts))]
    base, little = (
        np.stack(list(generate(pipeline, prompts, seeds, real, batch_size=100, **chosen)))
        for chosen in (settings, {**settings, "guidance_scale": LITTLE_GUIDANCE})
    )
    scorer = Clip(clip, batch_size=100)
    sets = {"floor": real, "base": base, "little": little}
    pooled, texts = scorer.pooled(reference), scorer.embed_texts(prompts)
    frechet = {f"frechet_{name}": frechet_distance(scorer.pooled(images), pooled) for name, images in sets.items()}
    scores = {f"clip_{name}": clip_scores(scorer.embed_images(images), texts).mean() for name, images in sets.items()}
    return {
        "n": len(real),
        "psnr": psnr(pipelines.load(AutoencoderKL, model / "vae"), reference),
        **accuracies(scorer, real, attributes, prompts),
        **frechet,
        **scores,
        "ratio": frechet["frechet_base"] / frechet["frechet_floor"],
        "little_guidance": LITTLE_GUIDANCE,
        "tokens": len(CLIPTokenizer.from_pretrained(clip)),
    }


@torch.no_grad()
def psnr(vae: AutoencoderKL, images: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio of reconstruction in dB, over all pixels of all images."""
    pixels = to_pixels(images)
    latents = [vae.encode(part).latent_dist.mean for part in pixels.split(100)]
    restored = torch.cat([vae.decode(part).sample for part in latents]).clamp(-1, 1)
    return float(10 * torch.log10(4 / (restored - pixels).square().mean()))


def accuracies(scorer: Clip, images: np.ndarray, attributes: pd.DataFrame, prompts: list[str]) -> dict[str, float]:
    """Return the percentage of images whose nearest prompt, of all groups', has their own value of each attribute."""
    texts = scorer.embed_texts(prompts)
    _, index = np.unique(prompts, return_index=True)
    kind_text = texts[index] / np.linalg.norm(texts[index], axis=1, keepdims=True)
    guess = index[(scorer.embed_images(images) @ kind_text.T).argmax(1)]
    right = attributes.to_numpy() == attributes.to_numpy()[guess]
    return {f"accuracy_{name}": 100 * share for name, share in zip(attributes, right.mean(0), strict=True)}


if __name__ == "__main__":
    run(main)
