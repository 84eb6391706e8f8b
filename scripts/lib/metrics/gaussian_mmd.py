"""The Gaussian MMD between two sets of features (CMMD where the network is CLIP ViT-L/14-336, projected)."""

import numpy as np
from pydantic import Field, PositiveFloat

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric
from scripts.lib.metrics.mmd import mmd, mmd_of_shared_groups

SCALE = 1000  # As the CMMD is printed.
METRICS = {
    "gaussian_mmd": Metric(
        "Gaussian MMD",
        "lower is better, but a loss of diversity at an equal mean hardly shows",
        True,
        needs="two images of one group in both sets",
    ),
}
AGAINST = "reference"


class Settings(Section):
    """The Gaussian MMD of features of length 1, times 1000 (Jayasumana et al. 2024), unbiased for fixed group sizes.

    It is no measure of collapse: at the bandwidth of the CMMD it compares little more than the means.
    """

    bandwidth: PositiveFloat = Field(
        10.0,
        description="σ of the kernel exp(-‖x - y‖² / 2σ²); 10 is that of the CMMD. Features have length 1, so that at "
        "10 the kernel is nearly linear; a bandwidth near 0.5 also sees the spread.",
    )


def compute(images: Embedded, reference: Embedded, settings: Settings, **_: bool) -> dict[str, float]:
    """Return the distance of the groups that have two images or more in both sets; nothing where none has."""
    distance = mmd_of_shared_groups(images, reference, lambda a, b: _gaussian(a, b, settings.bandwidth))
    return {} if distance is None else {"gaussian_mmd": SCALE * float(distance[0])}


def resampled(
    images: Embedded, reference: Embedded, settings: Settings, counts: np.ndarray, **__: bool
) -> dict[str, np.ndarray]:
    """Return the distances of resamples of the images."""
    distances = mmd_of_shared_groups(images, reference, lambda a, b: _gaussian(a, b, settings.bandwidth), counts)
    return {} if distances is None else {"gaussian_mmd": SCALE * distances}


def gaussian_mmd(
    x: np.ndarray, y: np.ndarray, x_groups: np.ndarray, y_groups: np.ndarray, bandwidth: float = 10.0
) -> float:
    """1000 MMD² under exp(-‖x - y‖² / 2σ²) of two stratified samples, scaled to length 1, without bias.

    Args:
        x, y: features, (n, d) and (m, d); a row of zeros stays as it is.
        x_groups, y_groups: the group of each sample, (n,) and (m,).
        bandwidth: σ.

    Raises:
        ValueError: a group has a single sample, of which no pair can be made.
    """
    return SCALE * float(mmd(x, y, x_groups, y_groups, lambda a, b: _gaussian(a, b, bandwidth))[0])


def _gaussian(a: np.ndarray, b: np.ndarray, bandwidth: float) -> np.ndarray:
    a, b = (z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), np.finfo(np.float64).tiny) for z in (a, b))
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.exp(-squares / (2 * bandwidth**2))
