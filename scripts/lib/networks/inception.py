"""The Inception-v3 of the FID: 2048 pooled features."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from scripts.lib.vision import inception_files

PER_IMAGE = "vector"
WEIGHTS = f"the file {inception_files.FID}"
RESIZE = "bilinear without antialiasing to 299 px, as in pytorch-fid"
SMALLEST = 1


def check(weights: Path) -> None:
    """Refuse a path that is no file, or a pointer to one. Imports no torch.

    Raises:
        ModelError: says what the network needs.
    """
    inception_files.check(weights, "inception", inception_files.FID)


def build(weights: Path) -> dict[str, str]:
    """Build the network and load its weights, which are pickled; return its class.

    Raises:
        ModelError: the weights are another network's.
    """
    from scripts.lib.vision import inception_v3

    inception_v3.fid_network(weights)
    return {"inception": "Inception3"}


def extractor(weights: Path, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from uint8 images (n, height, width, 3) to float32 features (n, 2048)."""
    from scripts.lib.vision import inception_v3

    return inception_v3.fid_extractor(weights, batch_size)
