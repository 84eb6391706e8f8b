"""The autoencoder alone: real images are encoded, decoded and rounded to 8 bits, once more in each iteration."""

from pathlib import Path

import numpy as np
import pandas as pd

from scripts.lib.base import imageset
from scripts.lib.curation.candidates import Curated, Inputs, Needs, decided
from scripts.lib.experiment.config.section import Section

SHAPE = "triangle-down"
BATCH = 16


class Settings(Section):
    """Train on real images that went through the base model's autoencoder alone, once more in each iteration.

    The control that tells the autoencoder's drift from the model's: no diffusion is in these images. They take the
    place of the generated ones.
    """


def needs(_: Settings) -> Needs:
    """Return what the step reads and makes."""
    return Needs(real=True, rewrites=True, model=True)


def curate(candidates: pd.DataFrame, settings: Settings, inputs: Inputs) -> Curated:
    """Write the real image of each candidate's slot after as many passes as the iteration; ``passes`` says how many.

    The images of iteration 1 went through once, like the base model's own images.
    """
    assert inputs.real is not None
    assert inputs.model is not None
    real = imageset.read_images(inputs.real, candidates["slot"])
    passes = candidates["iteration"].to_numpy() + 1
    return Curated(decided(candidates), {"passes": passes}, after(real, passes, inputs.model))


def after(images: np.ndarray, passes: np.ndarray, model: Path) -> np.ndarray:
    """Return images after a number of passes through the autoencoder, each to the mean of its latents and back.

    Args:
        images: uint8 (n, height, width, 3).
        passes: how often each goes through, (n,).
        model: the folder of the base model.

    Returns:
        uint8, rounded after each pass.
    """
    import torch
    from diffusers import AutoencoderKL

    from scripts.lib.engines import pipelines
    from scripts.lib.engines.precision import set_tf32

    set_tf32(False)
    autoencoder = pipelines.load(AutoencoderKL, model / "vae").eval().to(pipelines.device())
    found = images.copy()
    for number in range(passes.max(initial=0)):
        left = np.flatnonzero(passes > number)
        for start in range(0, len(left), BATCH):
            rows = left[start : start + BATCH]
            pixels = torch.from_numpy(found[rows]).permute(0, 3, 1, 2).to(autoencoder.device) / 127.5 - 1
            with torch.no_grad():
                decoded = autoencoder.decode(autoencoder.encode(pixels).latent_dist.mode()).sample
            levels = ((decoded / 2 + 0.5).clamp(0, 1) * 255).round()
            found[rows] = levels.permute(0, 2, 3, 1).cpu().numpy().astype(np.uint8)
    return found
