"""Write what `make full-size` needs: the paper's models with random weights (12 GB), and four drawings."""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image

from benchmarks.full_size import architectures, pipelines
from scripts.cli import run
from scripts.lib.base.atomic import replacing
from scripts.lib.dataset.avatars import draw
from tests.networks import write_vgg16


def main(output: Annotated[Path, typer.Option(help="Folder to write; kept if it is there.")]) -> None:
    """Write models with random weights and a folder of drawings."""
    if output.is_dir():
        return
    torch.manual_seed(0)
    with replacing(output) as folder:
        pipelines.write("stable-diffusion-2-1-base", folder / "stable-diffusion")
        architectures.clip(**pipelines.special_tokens()).save_pretrained(folder / "clip", max_shard_size="100GB")
        pipelines.write_tokenizer(folder / "clip")
        architectures.dinov2().save_pretrained(folder / "dinov2", max_shard_size="100GB")
        for name, fid in (("fid", True), ("imagenet", False)):
            torch.save(architectures.inception(fid=fid).state_dict(), folder / f"inception-{name}.pth")
        write_vgg16(folder / "deepface", frozen=True)
        draw_images(folder / "images", size=512)


def draw_images(folder: Path, size: int) -> None:
    """Draw four faces of ``size`` pixels."""
    folder.mkdir()
    for number in range(4):
        drawing: np.ndarray = draw("man", "light", "old", seed=str(number), size=size)
        Image.fromarray(drawing).save(folder / f"{number}.png")


if __name__ == "__main__":
    run(main)
