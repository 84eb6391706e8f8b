"""Write what `make full-size-engines` needs: Stable Diffusion XL and 3 medium with random weights (13 GB)."""

from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.full_size import pipelines
from scripts.cli import run
from scripts.lib.base.atomic import replacing

MODELS = {"xl": "stable-diffusion-xl-base-1.0", "sd3": "stable-diffusion-3-medium-diffusers"}


def main(output: Annotated[Path, typer.Option(help="Folder to write; kept if it is there.")]) -> None:
    """Write the pipelines of both engines."""
    if output.is_dir():
        return
    torch.manual_seed(0)
    with replacing(output) as folder:
        for name, architecture in MODELS.items():
            pipelines.write(architecture, folder / name, half=True)


if __name__ == "__main__":
    run(main)
