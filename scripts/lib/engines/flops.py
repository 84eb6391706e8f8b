"""Floating-point operations of a Stable Diffusion model, counted by running it without data.

The networks are built from their ``config.json`` on torch's meta device, which computes shapes and no
numbers, so that neither weights nor memory are needed. A multiplication with its addition counts as two.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextConfig, CLIPTextModel


class Flops(NamedTuple):
    """Operations for one image, and the number of the U-Net's parameters.

    Attributes:
        unet: one forward pass.
        training: a forward and a backward pass of the U-Net.
        encode, decode: the autoencoder's halves.
        text: one prompt.
    """

    unet: int
    training: int
    encode: int
    decode: int
    text: int
    parameters: int


def count(folder: Path, size: int | None = None) -> Flops:
    """Count the operations for one square image.

    Args:
        folder: a diffusers Stable Diffusion folder; of it only the configurations of ``unet``, ``vae`` and
            ``text_encoder`` are read.
        size: edge of the image in pixels; the model's own otherwise.
    """
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(_configuration(folder, "unet"))
        vae = AutoencoderKL.from_config(_configuration(folder, "vae"))
        text = CLIPTextModel(CLIPTextConfig(**_configuration(folder, "text_encoder")))
        factor = 2 ** (len(vae.config.block_out_channels) - 1)
        edge = size // factor if size else unet.config.sample_size
        tokens = torch.zeros(1, text.config.max_position_embeddings, dtype=torch.int64)
        prompt = torch.zeros(*tokens.shape, unet.config.cross_attention_dim)
        noise = torch.zeros(1, unet.config.in_channels, edge, edge)
        latents = torch.zeros(1, vae.config.latent_channels, edge, edge)
        pixels = torch.zeros(1, vae.config.in_channels, edge * factor, edge * factor)
        step = torch.zeros(1, dtype=torch.int64)
        return Flops(
            unet=_count(lambda: unet(noise, step, prompt)),
            training=_count(lambda: unet.train()(noise, step, prompt).sample.sum().backward(), grad=True),
            encode=_count(lambda: vae.encode(pixels)),
            decode=_count(lambda: vae.decode(latents)),
            text=_count(lambda: text(tokens)),
            parameters=unet.num_parameters(),
        )


def _configuration(folder: Path, component: str) -> dict[str, Any]:
    return json.loads((folder / component / "config.json").read_text(encoding="utf-8"))


def _count(run: Callable[[], Any], *, grad: bool = False) -> int:
    counter = FlopCounterMode(display=False)
    with counter, torch.set_grad_enabled(grad):
        run()
    return counter.get_total_flops()
