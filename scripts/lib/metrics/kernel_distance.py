"""The kernel distance between two sets of features (KID where the network is Inception)."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric
from scripts.lib.metrics.mmd import mmd, mmd_of_shared_groups

METRICS = {
    "kernel_distance": Metric("Kernel distance", "lower is better", True, needs="two images of one group in both sets"),
}
AGAINST = "reference"


class Settings(Section):
    """The kernel distance: MMD² under a cubic kernel (Bińkowski et al. 2018), unbiased for fixed group sizes."""


def compute(images: Embedded, reference: Embedded, _: Settings, **__: bool) -> dict[str, float]:
    """Return the distance of the groups that have two images or more in both sets; nothing where none has."""
    distance = mmd_of_shared_groups(images, reference, _cubic)
    return {} if distance is None else {"kernel_distance": float(distance[0])}


def resampled(
    images: Embedded, reference: Embedded, _: Settings, counts: np.ndarray, **__: bool
) -> dict[str, np.ndarray]:
    """Return the distances of resamples of the images."""
    distances = mmd_of_shared_groups(images, reference, _cubic, counts)
    return {} if distances is None else {"kernel_distance": distances}


def kernel_distance(x: np.ndarray, y: np.ndarray, x_groups: np.ndarray, y_groups: np.ndarray) -> float:
    """MMD² under (xᵀy / d + 1)³ of two stratified samples, without bias; see ``mmd.mmd``.

    Raises:
        ValueError: a group has a single sample, of which no pair can be made.
    """
    return float(mmd(x, y, x_groups, y_groups, _cubic)[0])


def _cubic(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T / a.shape[1] + 1) ** 3
