"""DINOv2's output for the class token (Oquab et al. 2024); the Fréchet distance of ViT-L/14 is the FD-DINOv2."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from scripts.lib.base.safetensors_files import ModelError, shapes
from scripts.lib.engines.components import read_config
from scripts.lib.vision.normalization import IMAGENET

PER_IMAGE = "vector"
SIZE = 224
WEIGHTS = "a folder of a Dinov2Model (safetensors), such as facebook/dinov2-large"
RESIZE = f"bicubic with antialiasing to {SIZE} px"
SMALLEST = 1


def check(folder: Path) -> None:
    """Refuse a folder that holds no DINOv2, or one whose patches do not fill an image.

    Raises:
        ModelError: another network is in its place, or its weights are not whole.
    """
    config = read_config(folder)
    if (kind := config.get("model_type")) != "dinov2":
        raise ModelError(
            f"{folder}: config.json names the model type {kind!r}, but the network 'dinov2' needs a Dinov2Model "
            "without registers, such as facebook/dinov2-large"
        )
    if SIZE % (patch := config.get("patch_size", 14)):
        raise ModelError(f"{folder}: patch_size is {patch}, but images of {SIZE} pixels must be whole patches; give 14")
    if "embeddings.cls_token" not in shapes(folder, "model"):
        raise ModelError(f"{folder}: the weights lack embeddings.cls_token; give the folder of a whole Dinov2Model")


def build(weights: Path) -> dict[str, str]:
    """Build the model without reading its weights; return its class.

    Raises:
        ModelError: the weights are not its own.
    """
    from transformers import Dinov2Model

    from scripts.lib.engines.building import on_meta

    return {"dinov2": type(on_meta(Dinov2Model, weights)).__name__}


def extractor(weights: Path, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from uint8 images (n, height, width, 3) to float32 features (n, width), 1024 of ViT-L/14."""
    import torch
    from transformers import Dinov2Model

    from scripts.lib.engines import pipelines
    from scripts.lib.engines.pipelines import device
    from scripts.lib.vision.batches import batches
    from scripts.lib.vision.pixels import pixels

    model = pipelines.load(Dinov2Model, weights).eval().to(device())

    @torch.no_grad()
    def extract(images: np.ndarray) -> np.ndarray:
        parts = (pixels(part, SIZE, "bicubic", IMAGENET) for part in batches(images, batch_size))
        return np.concatenate([model(part).pooler_output.float().cpu().numpy() for part in parts])

    return extract
