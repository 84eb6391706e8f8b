"""The pooled output of a CLIP's vision tower."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from scripts.lib.base.safetensors_files import ModelError, shapes
from scripts.lib.engines.components import check_tokenizer, read_config
from scripts.lib.vision.clip_files import normalization

PER_IMAGE = "vector"
WEIGHTS = "a folder of a CLIPModel (safetensors)"
RESIZE = "bicubic with antialiasing to the size of the tower"
SMALLEST = 1


def check(folder: Path) -> None:
    """Refuse a folder that holds no whole CLIP: both towers, their projections, a tokenizer.

    Raises:
        ModelError: it is another network, is not whole, or its tokenizer or images are not those of CLIP.
    """
    config = read_config(folder)
    named = config.get("architectures") or [config.get("model_type")]
    if config.get("model_type") != "clip" or named[0] not in ("CLIPModel", "clip"):
        raise ModelError(
            f"{folder}: config.json names a {named[0]}, but the CLIP score needs a CLIPModel, both towers with their "
            "projections; give the folder of one, such as laion/CLIP-ViT-H-14-laion2B-s32B-b79K"
        )
    tensors = shapes(folder, "model")
    if lacking := [name for name in ("text_projection.weight", "visual_projection.weight") if name not in tensors]:
        raise ModelError(f"{folder}: the weights lack {lacking[0]}; give the folder of a whole CLIPModel")
    check_tokenizer(folder, config.get("text_config") or {})
    normalization(folder)


def build(weights: Path) -> dict[str, str]:
    """Build the model without reading its weights; return the class of each part.

    Raises:
        ModelError: the weights are not its own, or the tokenizer is not that of the text tower.
    """
    from transformers import CLIPModel

    from scripts.lib.engines.building import check_words, on_meta

    model = on_meta(CLIPModel, weights)
    check_words(weights, model.config.text_config, pooled=True)
    return {"clip": type(model).__name__}


def extractor(weights: Path, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from uint8 images (n, height, width, 3) to float32 features (n, width)."""
    from scripts.lib.vision.clip_model import Clip

    return Clip(weights, batch_size).pooled
