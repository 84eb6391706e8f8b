"""Authenticity: how many images are no near copies of a training image."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric
from scripts.lib.metrics.nearest import nearest, nearest_other

METRICS = {
    "authenticity": Metric(
        "Authenticity", "% of images, higher is fewer copies", True, (0, 103), needs="two training images"
    ),
}
AGAINST = "training"


class Settings(Section):
    """Authenticity: the percentage of images that are no near copies of a training image (Alaa et al. 2022)."""


def compute(images: Embedded, training: np.ndarray, _: Embedded | None, __: Settings) -> dict[str, float]:
    """Return the percentage where there are two training images."""
    return {} if len(training) < 2 else {"authenticity": authenticity(images.features, training)}


def authenticity(images: np.ndarray, training: np.ndarray) -> float:
    """Return AuthPct, 0 to 100, as dgm-eval has it; fld subtracts 50 from it.

    An image is authentic if it is farther from its nearest training image than that one is from its own nearest other
    training image.

    Args:
        images: features, (n, d).
        training: features of different training images, (m, d), m of 2 or more.
    """
    index, distance = nearest(images, training)
    return float(100 * (nearest_other(training)[index] < distance).mean())
