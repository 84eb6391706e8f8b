"""The kernel distance between two sets of features (KID where the network is Inception)."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric

METRICS = {
    "kernel_distance": Metric("Kernel distance", "lower is better", True),
}
AGAINST_REFERENCE = True


class Settings(Section):
    """The kernel distance: unbiased MMD² under a cubic kernel (Bińkowski et al. 2018)."""


def compute(images: Embedded, reference: Embedded, _: Settings, **__: bool) -> dict[str, float]:
    """Return the distance, of two images at least."""
    if len(images.features) < 2:
        return {}
    return {"kernel_distance": kernel_distance(images.features, reference.features)}


def kernel_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Kernel inception distance: unbiased MMD² under (xᵀy / d + 1)³, over all pairs (Bińkowski et al. 2018)."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n, m, d = len(x), len(y), x.shape[1]
    xx, yy, xy = ((a @ b.T / d + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - xx.trace()) / (n * (n - 1)) + (yy.sum() - yy.trace()) / (m * (m - 1))
    return float(within - 2 * xy.mean())
