"""The ImageNet Inception-v3 before its first pooling, a map of many positions (SinGAN's single-image FID)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from scripts.lib.vision import inception_files

PER_IMAGE = "map"
WEIGHTS = f"the file {inception_files.IMAGENET}"
RESIZE = "none"
SMALLEST = 9


def check(weights: Path) -> None:
    """Refuse a path that is no file, or a pointer to one. Imports no torch.

    Raises:
        ModelError: says what the network needs.
    """
    inception_files.check(weights, "inception_64", inception_files.IMAGENET)


def build(weights: Path) -> dict[str, str]:
    """Build the network and load its weights, which are pickled; return its class.

    Raises:
        ModelError: the weights are another network's.
    """
    from scripts.lib.vision import inception_v3

    inception_v3.stem(weights, 64)
    return {"inception_64": "Inception3"}


def extractor(weights: Path, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from uint8 images (n, height, width, 3) to float32 maps (n, positions, 64)."""
    from scripts.lib.vision import inception_v3

    return inception_v3.stem_extractor(64, weights, batch_size)
