"""The Fréchet distance between two sets of features (FID where the network is Inception)."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric

METRICS = {
    "frechet_distance": Metric("Fréchet distance", "lower is better", True, (0, None), "curves"),
}
AGAINST_REFERENCE = True


class Settings(Section):
    """The Fréchet distance of two Gaussians that are fitted to the features (Heusel et al. 2017)."""


def compute(images: Embedded, reference: Embedded, _: Settings, *, whole: bool) -> dict[str, float]:
    """Return the distance where n allows.

    Of a part of a set it needs more images than features: the covariance is singular otherwise, and the bias large.
    The whole set always has one, as the paper's 820 images with 2048 features.
    """
    n, dimensions = images.features.shape
    if n > dimensions or (whole and n > 1):
        return {"frechet_distance": frechet_distance(images.features, reference.features)}
    return {}


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Fréchet distance of two Gaussians fitted to samples (Heusel et al. 2017); n divisor n - 1.

    tr (Σx Σy)^(1/2) is the sum of the singular values of A Bᵀ, A and B being the centered samples
    over sqrt(n - 1), or the R of their QR factors where n > d. Exact for singular covariances.

    Raises:
        ValueError: fewer than two samples.
    """
    if min(len(x), len(y)) < 2:
        raise ValueError(f"the Fréchet distance needs two samples at least, got {len(x)} and {len(y)}")
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    a, b = ((z - z.mean(0)) / np.sqrt(len(z) - 1) for z in (x, y))
    factors = [z if len(z) <= z.shape[1] else np.asarray(np.linalg.qr(z, mode="r")) for z in (a, b)]
    cross = np.linalg.svdvals(factors[0] @ factors[1].T).sum()
    mean = ((x.mean(0) - y.mean(0)) ** 2).sum()
    return max(float(mean + (a**2).sum() + (b**2).sum() - 2 * cross), 0.0)
