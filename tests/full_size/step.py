"""Time a fine-tune step at full size: as it is here, and with the frozen parts run in every step."""

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from scripts.cli import run
from scripts.lib.engines import pipelines
from scripts.lib.training.finetuning import draw, encode, keep_freed_memory, loss_of


def main(
    model: Annotated[Path, typer.Argument(help="Folder of the pipeline.")],
    repeats: Annotated[int, typer.Option(help="Steps of each kind, in turn.", min=1)] = 2,
) -> None:
    """Print the seconds of both kinds of step, same image, forward and backward without the optimizer."""
    keep_freed_memory()
    scheduler = DDPMScheduler.from_pretrained(model, subfolder="scheduler")
    vae = pipelines.load(AutoencoderKL, model / "vae")
    tokenizer = CLIPTokenizer.from_pretrained(model / "tokenizer", local_files_only=True)
    text_encoder = pipelines.load(CLIPTextModel, model / "text_encoder")
    unet = pipelines.load(UNet2DConditionModel, model / "unet").train()
    image = np.random.default_rng(0).integers(0, 256, (1, 512, 512, 3), np.uint8)

    def frozen():
        return encode(image, ["a man"], vae, tokenizer, text_encoder, flip=False)

    cached = frozen()
    seconds: dict[str, list[float]] = {"cached": [], "encoded in every step": []}
    for step in range(repeats):
        for kind, times in seconds.items():
            started = time.monotonic()
            data = cached if kind == "cached" else frozen()
            inputs = draw(data, torch.tensor([0]), step, scheduler.config.num_train_timesteps, seed=0)
            loss_of(unet, scheduler, *inputs, data.text).backward()
            unet.zero_grad()
            times.append(time.monotonic() - started)
            print(f"{kind}: {times[-1]:.1f} s", flush=True)
    ours, theirs = (min(times) for times in seconds.values())
    print(f"ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    run(main)
