"""Pixels as networks want them: resized in 8 bits, scaled to [0, 1], normalized."""

from typing import Literal

import numpy as np
import torch
from torch.nn import functional as F

from scripts.lib.engines.pipelines import device
from scripts.lib.vision.normalization import Normalization


def pixels(
    images: np.ndarray, size: int, mode: Literal["bicubic", "bilinear"], normalization: Normalization
) -> torch.Tensor:
    """Return images (n, 3, size, size), float32 on the device.

    They are resized with antialiasing, in 8 bits and on the CPU, as Pillow does it.

    Args:
        images: uint8 (n, height, width, 3).
        size: edge in pixels.
        mode: the filter.
        normalization: mean and deviation of each channel, of values in [0, 1].
    """
    resized = torch.from_numpy(images).permute(0, 3, 1, 2)
    if resized.shape[-1] != size:
        resized = F.interpolate(resized, (size, size), mode=mode, antialias=True)
    mean, deviation = (torch.tensor(values, device=device()).view(3, 1, 1) for values in normalization)
    return (resized.to(device()) / 255 - mean) / deviation
