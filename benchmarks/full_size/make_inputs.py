"""Write what `make full-size` needs: the paper's models with random weights (12 GB), and four drawings."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image
from transformers import CLIPTokenizer

from benchmarks.full_size import architectures
from scripts.cli import run
from scripts.lib.base.atomic import replacing
from scripts.lib.base.code import ROOT
from scripts.lib.dataset.avatars import draw
from tests.networks import write_vgg16

TOKENIZER = ROOT / "models/miniature/tokenizer"  # The true one is not available here; its vocabulary is a part of it.
COMPONENTS = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "scheduler": "PNDMScheduler"}


def main(output: Annotated[Path, typer.Option(help="Folder to write; kept if it is there.")]) -> None:
    """Write models with random weights and a folder of drawings."""
    if output.is_dir():
        return
    torch.manual_seed(0)
    with replacing(output) as folder:
        _pipeline(folder / "stable-diffusion")
        architectures.clip(**_special_tokens()).save_pretrained(folder / "clip", max_shard_size="100GB")
        _tokenizer(folder / "clip")
        architectures.dinov2().save_pretrained(folder / "dinov2", max_shard_size="100GB")
        for name, fid in (("fid", True), ("imagenet", False)):
            torch.save(architectures.inception(fid=fid).state_dict(), folder / f"inception-{name}.pth")
        write_vgg16(folder / "deepface", frozen=True)
        draw_images(folder / "images", size=512)


def _pipeline(folder: Path) -> None:
    for name, part in (("unet", architectures.unet()), ("vae", architectures.vae())):
        part.save_pretrained(folder / name, max_shard_size="100GB")
        del part
    architectures.text_encoder(**_special_tokens()).save_pretrained(folder / "text_encoder", max_shard_size="100GB")
    architectures.scheduler().save_pretrained(folder / "scheduler")
    _tokenizer(folder / "tokenizer")
    index: dict[str, list[str | None]] = {name: ["diffusers", kind] for name, kind in COMPONENTS.items()}
    index |= {"text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"]}
    index |= {name: [None, None] for name in ("safety_checker", "feature_extractor", "image_encoder")}
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline", **index}))


def _tokenizer(folder: Path) -> None:
    """Write the miniature's tokenizer with the length of the true one, 77 tokens."""
    CLIPTokenizer.from_pretrained(TOKENIZER, model_max_length=77).save_pretrained(folder)


def _special_tokens() -> dict[str, int]:
    config = json.loads((TOKENIZER.parent / "text_encoder/config.json").read_text())
    return {key: config[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}


def draw_images(folder: Path, size: int) -> None:
    """Draw four faces of ``size`` pixels."""
    folder.mkdir()
    for number in range(4):
        drawing: np.ndarray = draw("man", "light", "old", seed=str(number), size=size)
        Image.fromarray(drawing).save(folder / f"{number}.png")


if __name__ == "__main__":
    run(main)
