"""Floating-point operations, counted by running networks without data.

An engine builds its networks on torch's meta device, which computes shapes and no numbers, so that neither weights nor
memory are needed. A multiplication with its addition counts as two.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from scripts.lib.base.safetensors_files import read_json
from scripts.lib.engines.components import TOKENS


def autoencoder_operations(vae: Any, edge: int) -> tuple[int, int]:
    """Return the operations of encoding and of decoding one square image.

    Args:
        vae: an AutoencoderKL on torch's meta device.
        edge: of the image, in pixels.
    """
    import torch

    factor, config = 2 ** (len(vae.config.block_out_channels) - 1), vae.config
    with torch.device("meta"):
        pixels = torch.zeros(1, config.in_channels, edge, edge)
        latents = torch.zeros(1, config.latent_channels, edge // factor, edge // factor)
        return operations(lambda: vae.encode(pixels)), operations(lambda: vae.decode(latents))


def text_operations(folder: Path, encoders: Mapping[str, Any], tokens: int = TOKENS) -> int:
    """Return the operations of encoding one prompt.

    Args:
        folder: of a pipeline.
        encoders: the classes of its text encoders, by component.
        tokens: what an encoder reads that has no fixed number of positions.
    """
    import torch

    total = 0
    with torch.device("meta"):
        for name, kind in encoders.items():
            config = kind.config_class(**read_json(folder / name / "config.json"))
            ids = torch.zeros(1, getattr(config, "max_position_embeddings", tokens), dtype=torch.int64)
            total += operations(partial(kind(config), ids))
    return total


def operations(run: Callable[[], Any], *, grad: bool = False) -> int:
    """Return the floating-point operations of a function.

    Args:
        run: calls a network.
        grad: whether torch is to note what a backward pass needs.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with counter, torch.set_grad_enabled(grad):
        run()
    return counter.get_total_flops()
