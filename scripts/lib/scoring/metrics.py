"""Metrics from embeddings: each takes arrays of shape (n, d), computes in float64, returns a number.

The references that the tests compare with: torch-fidelity, clean-fid and pytorch-fid (Fréchet,
kernel distance), prdc (precision, recall, density, coverage).
"""

import numpy as np
from scipy.spatial.distance import cdist


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Fréchet distance of two Gaussians fitted to samples (Heusel et al. 2017); n divisor n - 1.

    tr (Σx Σy)^(1/2) is the sum of the singular values of A Bᵀ, A and B being the centred samples
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


def kernel_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Kernel inception distance: unbiased MMD² under (xᵀy / d + 1)³, over all pairs (Bińkowski et al. 2018)."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    n, m, d = len(x), len(y), x.shape[1]
    xx, yy, xy = ((a @ b.T / d + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - xx.trace()) / (n * (n - 1)) + (yy.sum() - yy.trace()) / (m * (m - 1))
    return float(within - 2 * xy.mean())


def precision_recall_density_coverage(real: np.ndarray, generated: np.ndarray, nearest_k: int) -> dict[str, float]:
    """Improved precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020).

    Raises:
        ValueError: ``nearest_k`` is not smaller than both sample sizes.
    """
    if nearest_k >= min(len(real), len(generated)):
        raise ValueError(f"{nearest_k} neighbours need more than that many samples, got {len(real)}, {len(generated)}")
    real, generated = np.asarray(real, np.float64), np.asarray(generated, np.float64)
    radius_real, radius_generated = (np.partition(cdist(z, z), nearest_k)[:, nearest_k] for z in (real, generated))
    between = cdist(real, generated)
    in_real, in_generated = between < radius_real[:, None], between < radius_generated[None, :]
    return {
        "precision": float(in_real.any(0).mean()),
        "recall": float(in_generated.any(1).mean()),
        "density": float(in_real.sum(0).mean() / nearest_k),
        "coverage": float((between.min(1) < radius_real).mean()),
    }


def vendi_score(x: np.ndarray) -> float:
    """Vendi score (Friedman & Dieng 2023): effective number of distinct samples, 1 to n, under cosine similarity."""
    x = np.asarray(x, np.float64)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    gram = unit @ unit.T if len(x) < x.shape[1] else unit.T @ unit
    values = np.linalg.eigvalsh(gram / len(x))
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


def clip_scores(images: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Return 100 x cosine similarity of each image embedding with its text's, (n, d), (n, d) to (n,)."""
    images, texts = (np.asarray(z, np.float64) for z in (images, texts))
    cosine = (images * texts).sum(1) / np.linalg.norm(images, axis=1) / np.linalg.norm(texts, axis=1)
    return 100 * cosine
