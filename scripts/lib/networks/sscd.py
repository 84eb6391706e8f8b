"""SSCD's descriptor of copies (Pizzi et al. 2022): 512 features of length 1, whose products tell copies."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from scripts.lib.base.safetensors_files import ModelError, refuse_pointer, shapes_of_file
from scripts.lib.vision.normalization import IMAGENET

PER_IMAGE = "vector"
SIZE = 288
PUBLISHED = "sscd_disc_mixup.torchvision.pt"
WEIGHTS = f"the file {PUBLISHED}, or its tensors as a .safetensors file; not the TorchScript file, which is code"
RESIZE = f"bilinear with antialiasing to {SIZE} px"
SMALLEST = 1


def check(weights: Path) -> None:
    """Refuse a path that is no file, a pointer, TorchScript, or a safetensors file of another network.

    Raises:
        ModelError: says which file the network needs.
    """
    need = f"the network 'sscd' needs the file {PUBLISHED} of facebookresearch/sscd-copy-detection"
    if not weights.is_file():
        raise ModelError(f"{weights}: no such file; {need}")
    refuse_pointer(weights)
    if ".torchscript." in weights.name:
        raise ModelError(f"{weights}: TorchScript is code, and is not run; {need}")
    if weights.suffix == ".safetensors" and not {"fc.weight", "backbone.fc.weight"} & set(shapes_of_file(weights)):
        raise ModelError(f"{weights}: holds no fc.weight, so that it is no ResNet-50 of SSCD; {need}")


def build(weights: Path) -> dict[str, str]:
    """Build the network and load its weights; return its class.

    Raises:
        ModelError: the weights are another network's.
    """
    from scripts.lib.vision import sscd_model

    sscd_model.network(weights, PUBLISHED)
    return {"sscd": "ResNet"}


def extractor(weights: Path, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from uint8 images (n, height, width, 3) to float32 features (n, 512) of length 1."""
    import torch

    from scripts.lib.engines.pipelines import device
    from scripts.lib.vision import sscd_model
    from scripts.lib.vision.batches import batches
    from scripts.lib.vision.pixels import pixels

    model = sscd_model.network(weights, PUBLISHED).to(device())

    @torch.no_grad()
    def extract(images: np.ndarray) -> np.ndarray:
        parts = (pixels(part, SIZE, "bilinear", IMAGENET) for part in batches(images, batch_size))
        return np.concatenate([torch.nn.functional.normalize(model(part).float()).cpu().numpy() for part in parts])

    return extract
