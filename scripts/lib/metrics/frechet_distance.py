"""The Fréchet distance between two sets of features (FID where the network is Inception)."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric

METRICS = {
    "frechet_distance": Metric(
        "Fréchet distance",
        "lower is better",
        True,
        (0, None),
        "curves",
        needs="two images, and of one group more images than features",
    ),
}
AGAINST = "reference"


class Settings(Section):
    """The Fréchet distance of two Gaussians that are fitted to the features (Heusel et al. 2017)."""


def compute(images: Embedded, reference: Embedded, _: Settings, *, whole: bool) -> dict[str, float]:
    """Return the distance where n allows.

    Of a part of a set it needs more images than features: the covariance is singular otherwise, and the bias large.
    The whole set always has one, as the paper's 820 images with 2048 features.
    """
    if _allowed(images, whole=whole):
        return {"frechet_distance": frechet_distance(images.features, reference.features)}
    return {}


def resampled(
    images: Embedded, reference: Embedded, _: Settings, counts: np.ndarray, *, whole: bool
) -> dict[str, np.ndarray]:
    """Return the distances of resamples of the images, where the images have one."""
    if _allowed(images, whole=whole):
        return {"frechet_distance": frechet_distances(images.features, reference.features, counts)}
    return {}


def _allowed(images: Embedded, *, whole: bool) -> bool:
    n, dimensions = images.features.shape
    return n > dimensions or (whole and n > 1)


def frechet_distances(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the Fréchet distance of each resample of a sample to another sample, (b,).

    As ``frechet_distance``, with the singular values as roots of the eigenvalues of the smaller product.

    Args:
        x, y: features, (n, d) and (m, d).
        counts: how often each resample has each row of ``x``, (b, n).
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n, mean = len(x), y.mean(0)
    x, centered = x - mean, (y - mean) / np.sqrt(len(y) - 1)
    factor = centered if len(y) <= y.shape[1] else np.asarray(np.linalg.qr(centered, mode="r"))
    projected = x @ factor.T
    gram = projected @ projected.T if n <= projected.shape[1] else None
    means = counts @ x / n
    traces = (counts @ (x**2).sum(1) - n * (means**2).sum(1)) / (n - 1)
    roots = []
    for row, center in zip(counts, counts @ projected / n, strict=True):
        if gram is None:
            matrix = (projected.T * row) @ projected - n * np.outer(center, center)
        else:
            drawn, root = np.flatnonzero(row), np.sqrt(row[row > 0])
            shift = (projected @ center)[drawn]
            part = gram[np.ix_(drawn, drawn)] - shift[:, None] - shift + center @ center
            matrix = root[:, None] * part * root
        roots.append(np.sqrt(np.linalg.eigvalsh(matrix).clip(0)).sum() / np.sqrt(n - 1))
    return ((means**2).sum(1) + traces + (factor**2).sum() - 2 * np.array(roots)).clip(0)


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
