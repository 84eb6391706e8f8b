"""The bottleneck of a base model's U-Net, averaged over positions, of an image without noise and without a prompt."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.engines import pipelines
from scripts.lib.engines.engine import engine_of, name_of

PER_IMAGE = "vector"
WEIGHTS = "a folder of a Stable Diffusion 1 or 2 pipeline"
RESIZE = "none"
SMALLEST = 8
ENGINE = "stable_diffusion"


def check(folder: Path) -> None:
    """Refuse a folder that holds no whole pipeline with a U-Net of one text encoder.

    Raises:
        ModelError: says what is wrong.
    """
    pipelines.check(folder)
    if (name := name_of(folder)) != ENGINE:
        raise ModelError(f"{folder}: the network 'unet_bottleneck' needs {WEIGHTS}; this one's engine is {name}")


def build(weights: Path) -> dict[str, str]:
    """Build the pipeline without reading its weights; return the class of each part.

    Raises:
        ModelError: the weights are not its own.
    """
    return engine_of(weights).build(weights)


def extractor(weights: Path, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from uint8 images (n, height, width, 3) to float32 features (n, channels)."""
    import torch

    from scripts.lib.vision.batches import batches

    engine = engine_of(weights)
    encoder = engine.encoder(weights)
    network = engine.network(weights / engine.COMPONENT).eval().to(pipelines.device())
    no_prompt = encoder.encode_text([""])["states"].to(pipelines.device())
    seen: list[torch.Tensor] = []
    network.mid_block.register_forward_hook(lambda _, __, hidden: seen.append(hidden.mean((2, 3)).cpu()))

    @torch.no_grad()
    def extract(images: np.ndarray) -> np.ndarray:
        seen.clear()
        for part in batches(images, batch_size):
            latents, _ = encoder.encode_image(torch.from_numpy(part).permute(0, 3, 1, 2) / 127.5 - 1)
            network(latents.to(pipelines.device()), 0, no_prompt.expand(len(part), -1, -1))
        features: np.ndarray = torch.cat(seen).float().numpy()
        return features

    return extract
