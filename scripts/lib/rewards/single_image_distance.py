"""How far a generated image is from its real counterpart: the single-image Fréchet distance (SinGAN)."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from pydantic import model_validator
from tqdm import trange

from scripts.lib.base import imageset
from scripts.lib.experiment.config.features import NETWORKS, Features
from scripts.lib.experiment.config.section import Section

GPU = True


class Settings(Section):
    """How far a generated image is from its real counterpart (Shaham et al. 2019; paper, section 2.5)."""

    features: Features

    @model_validator(mode="after")
    def _compares_maps(self) -> Self:
        self.features.expect("map", "features", "the distance of single images compares maps of many positions")
        return self


def reward(metadata: pd.DataFrame, images: np.ndarray, settings: Settings, real: Path, batch_size: int) -> np.ndarray:
    """Return the distance of each image to the real image of its slot; smaller is nearer.

    Args:
        metadata: the table of the image set; an image's slot is its name where it has no column ``slot``.
        images: its images, uint8 (n, height, width, 3).
        settings: whose features are compared.
        real: the image set of the real images.
        batch_size: images per batch of the network.

    Returns:
        float64 (n,), 0 or more.
    """
    network = NETWORKS[settings.features.network]
    extract = network.extractor(Path(settings.features.weights), batch_size)
    counterparts = imageset.read_images(real, metadata.get("slot", metadata["file_name"]))
    return single_image_distances(images, counterparts, extract, batch_size)


def single_image_distances(
    generated: np.ndarray, real: np.ndarray, extract: Callable[[np.ndarray], np.ndarray], batch_size: int
) -> np.ndarray:
    """Return the single-image Fréchet distance of each pair (Shaham et al. 2019, SinGAN).

    Every position of a feature map is one sample; the distance is that of the two Gaussians.

    Args:
        generated, real: corresponding images (n, height, width, 3).
        extract: turns images into feature maps (n, positions, channels); it gets ``batch_size`` of them at
            once, since the maps of one image at 512 pixels take 12 MB.
    """
    from scripts.lib.metrics.frechet_distance import frechet_distance

    distances: list[float] = []
    for start in trange(0, len(generated), batch_size, desc="distance", mininterval=10):
        part = slice(start, start + batch_size)
        distances += map(frechet_distance, extract(generated[part]), extract(real[part]))
    return np.array(distances)
