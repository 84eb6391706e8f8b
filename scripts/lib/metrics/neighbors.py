"""Precision, recall, density and coverage: who lies within the neighborhoods of whom."""

import numpy as np
from pydantic import Field, PositiveInt

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric

METRICS = {
    "precision": Metric("Precision", "higher is better", True, (0, 1.03), needs="more images than nearest_k"),
    "recall": Metric("Recall", "higher is better", True, (0, 1.03), needs="more images than nearest_k"),
    "density": Metric("Density", "higher is better", True, (0, None), needs="more images than nearest_k"),
    "coverage": Metric(
        "Coverage", "share of the real images covered", True, (0, 1.03), "diversity", needs="more images than nearest_k"
    ),
}
AGAINST = "reference"


class Settings(Section):
    """Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020)."""

    nearest_k: PositiveInt = Field(5, description="Neighbors that make the neighborhood of an image.")


def compute(images: Embedded, reference: Embedded, settings: Settings, **__: bool) -> dict[str, float]:
    """Return all four, of more than ``nearest_k`` images."""
    if len(images.features) <= settings.nearest_k:
        return {}
    return precision_recall_density_coverage(reference.features, images.features, settings.nearest_k)


def resampled(
    images: Embedded, reference: Embedded, settings: Settings, counts: np.ndarray, **__: bool
) -> dict[str, np.ndarray]:
    """Return all four of resamples of the images."""
    from scipy.spatial.distance import cdist

    n, k = len(images.features), settings.nearest_k
    if n <= k:
        return {}
    real, generated = (np.asarray(z.features, np.float64) for z in (reference, images))
    between, own = cdist(real, generated), cdist(generated, generated)
    in_real = between < np.partition(cdist(real, real), k)[:, k][:, None]
    order = np.argsort(own, axis=1)
    near = np.take_along_axis(own, order, axis=1)
    recall = []
    for row in counts:
        # The neighbor of a draw with which k others are at least as near, copies of it among them.
        last = (np.cumsum(row[order], axis=1) > k).argmax(axis=1)
        radius = near[np.arange(n), last]
        recall.append((between < np.where(row > 0, radius, -1.0)).any(1).mean())
    return {
        "precision": counts @ in_real.any(0) / n,
        "recall": np.array(recall),
        "density": counts @ in_real.sum(0) / (n * k),
        "coverage": (in_real.astype(np.float32) @ (counts.T > 0) > 0).mean(0),
    }


def precision_recall_density_coverage(real: np.ndarray, generated: np.ndarray, nearest_k: int) -> dict[str, float]:
    """Improved precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020).

    Raises:
        ValueError: ``nearest_k`` is not smaller than both sample sizes.
    """
    from scipy.spatial.distance import cdist

    if nearest_k >= min(len(real), len(generated)):
        raise ValueError(f"{nearest_k} neighbors need more than that many samples, got {len(real)}, {len(generated)}")
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
