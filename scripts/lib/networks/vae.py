"""The autoencoder's first block before its downsampling, a map of many positions.

The counterpart, in the embedded models, of the Inception maps before the first pooling.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from scripts.lib.engines.components import check_autoencoder as check

__all__ = ["PER_IMAGE", "RESIZE", "SMALLEST", "WEIGHTS", "build", "check", "extractor"]

PER_IMAGE = "map"
WEIGHTS = "a folder of an AutoencoderKL (safetensors)"
RESIZE = "none"
SMALLEST = 1


def build(weights: Path) -> dict[str, str]:
    """Build the autoencoder without reading its weights; return its class.

    Raises:
        ModelError: the weights are not its own.
    """
    from diffusers import AutoencoderKL

    from scripts.lib.engines.building import on_meta

    return {"vae": type(on_meta(AutoencoderKL, weights)).__name__}


def extractor(weights: Path, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from uint8 images (n, height, width, 3) to float32 maps (n, positions, channels)."""
    import torch
    from diffusers import AutoencoderKL

    from scripts.lib.engines import pipelines
    from scripts.lib.engines.pipelines import device
    from scripts.lib.vision.batches import batches

    encoder = pipelines.load(AutoencoderKL, weights).eval().to(device()).encoder

    @torch.no_grad()
    def extract(images: np.ndarray) -> np.ndarray:
        maps = []
        for part in batches(images, batch_size):
            hidden = encoder.conv_in(torch.from_numpy(part).permute(0, 3, 1, 2).to(device()) / 127.5 - 1)
            for resnet in encoder.down_blocks[0].resnets:
                hidden = resnet(hidden, temb=None)
            maps.append(hidden.flatten(2).transpose(1, 2).float().cpu().numpy())
        return np.concatenate(maps)

    return extract
