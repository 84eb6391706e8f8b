"""Generate one image per prompt, or one shard of them."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from scripts.cli import run, section
from scripts.lib.base import csvs, imageset
from scripts.lib.base.provenance import arguments, recording
from scripts.lib.base.seeds import seed_of
from scripts.lib.engines.engine import engine_of
from scripts.lib.engines.extrapolation import extrapolated
from scripts.lib.engines.generation import Schedule, generate, load_pipeline, schedule_of
from scripts.lib.engines.precision import Arithmetic, apply, set_tf32
from scripts.lib.engines.prompts import check_groups, of_pipeline
from scripts.lib.experiment.choices import Dtype
from scripts.lib.experiment.config.generate import Generate
from scripts.lib.training.trainable import trainable_of

# Further images of the same slots are of the kind "images-2" and so on.
KIND = r"images(-\d+)?|unseen"
Trained = tuple[Path | None, str]  # The folder of a fine-tune, and what lies there; None: the base model.


def main(
    model: Annotated[Path, typer.Option(help="Folder of the base pipeline.")],
    prompts: Annotated[Path, typer.Option(help="What to generate: an image set, or a CSV with file_name and text.")],
    kind: Annotated[str, typer.Option(help="Kind of the set, which its noise depends on: images, images-2, unseen.")],
    settings: Annotated[Generate, section(Generate)],
    seed: Annotated[int, typer.Option(help="Seed of the experiment.")],
    replicate: Annotated[int, typer.Option(help="Seed of the replicate.")],
    iteration: Annotated[int, typer.Option(help="Iteration, 0 for the base model.", min=0)],
    output: Annotated[Path, typer.Option(help="Image set to write.")],
    provenance: Annotated[Path, typer.Option(help="JSON to write: what made it.")],
    trained: Annotated[Path | None, typer.Option(help="Folder of a fine-tune; the base model otherwise.")] = None,
    trainable: Annotated[str, typer.Option(help="What lies in TRAINED: a file of training/trainables.")] = "full",
    extrapolate: Annotated[float | None, typer.Option(help="w: predict (1 + w) OF - w TRAINED.", min=0)] = None,
    of: Annotated[Path | None, typer.Option(help="Folder of another fine-tune; the base model otherwise.")] = None,
    of_trainable: Annotated[str, typer.Option(help="What lies in OF: a file of training/trainables.")] = "full",
    match: Annotated[Path | None, typer.Option(help="img2img: record of a generation to begin as.")] = None,
    size: Annotated[int | None, typer.Option(help="txt2img: edge of the images, or the model's own.", min=8)] = None,
    batch_size: Annotated[int, typer.Option(help="Images per batch; changes no noise, only the last bits.", min=1)] = 8,
    dtype: Annotated[Dtype, typer.Option(help="Precision of the network that denoises.")] = "float32",
    tf32: Annotated[bool, typer.Option(help="Round the factors of float32 products on NVIDIA's GPUs.")] = False,
    compile: Annotated[bool, typer.Option(help="Fuse the network's operations by torch.compile.")] = False,
    channels_last: Annotated[bool, typer.Option(help="The layout of a U-Net that convolutions want.")] = True,
    shard: Annotated[int, typer.Option(help="Which shard to make, from 0.", min=0)] = 0,
    shards: Annotated[int, typer.Option(help="Number of shards; changes no noise.", min=1)] = 1,
) -> None:
    """Generate the images of every SHARDS-th prompt, starting with SHARD."""
    with recording(provenance, [model, trained, of, prompts, match], arguments()) as results:
        table = csvs.read(prompts) if prompts.suffix == ".csv" else imageset.read_metadata(prompts)
        if prompts.suffix != ".csv":  # Weights that the same run has downloaded were not there to be asked before.
            check_groups(dict(zip(table.get("group", table["text"]), table["text"], strict=True)), of_pipeline(model))
        set_tf32(tf32)
        arithmetic = Arithmetic(dtype, compile, channels_last)
        rows = table.iloc[shard::shards]
        seeds = [seed_of(seed, replicate, iteration, kind, index) for index in rows.index]
        images: Iterator[np.ndarray] = iter(())
        if len(rows):  # None where a group is so short that there are more shards than images.
            network = _network(model, (trained, trainable), (of, of_trainable), extrapolate, arithmetic)
            images = generate(
                load_pipeline(settings.mode, model, network, settings.scheduler, arithmetic),
                rows["text"].tolist(),
                seeds,
                imageset.read_images(prompts, rows["file_name"]) if settings.mode == "img2img" else None,
                steps=settings.steps,
                guidance_scale=settings.guidance_scale,
                guidance=_schedule(settings),
                strength=settings.strength,
                ratio=json.loads(match.read_bytes())["results"]["signal_to_noise"] if match else None,
                batch_size=batch_size,
                size=size,
                first=partial(results.__setitem__, "signal_to_noise"),
            )
        try:
            imageset.write(output, rows.assign(seed=seeds), images)
        except FloatingPointError as error:
            raise FloatingPointError(f"{output}: {error}") from error


def _schedule(settings: Generate) -> Schedule | None:
    """Return how the guidance changes; None: not at all."""
    chosen = settings.guidance
    return None if chosen.kind == "constant" else schedule_of(chosen.kind, settings.guidance_scale, chosen.settings)


def _network(model: Path, own: Trained, of: Trained, weight: float | None, arithmetic: Arithmetic) -> Any:
    """Return the network that makes the images, whose prediction may be extrapolated; None: the base model's own."""
    if weight is not None:
        other = _load(model, of)
        apply(other, arithmetic)
        return extrapolated(_load(model, own), other, weight)
    return _load(model, own) if own[0] else None


def _load(model: Path, trained: Trained) -> Any:
    folder, trainable = trained
    return trainable_of(trainable).load(engine_of(model), model, folder)


if __name__ == "__main__":
    run(main)
