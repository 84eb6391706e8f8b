"""CLIP's embeddings of images, projected to where its texts lie: the features of the CMMD (with ViT-L/14-336)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from scripts.lib.networks.clip import PER_IMAGE, RESIZE, SMALLEST, WEIGHTS, build, check

__all__ = ["PER_IMAGE", "RESIZE", "SMALLEST", "WEIGHTS", "build", "check", "extractor"]


def extractor(weights: Path, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from uint8 images (n, height, width, 3) to float32 features (n, projection)."""
    from scripts.lib.vision.clip_model import Clip

    return Clip(weights, batch_size).embed_images
