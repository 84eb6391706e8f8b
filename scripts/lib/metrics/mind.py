"""MIND: the sliced Wasserstein distance between two sets of features (Monge Inception Distance)."""

import numpy as np
from pydantic import Field, PositiveInt

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric

METRICS = {
    "mind": Metric("MIND, sliced Wasserstein", "lower is better", True, (0, None)),
}
AGAINST_REFERENCE = True
SEED = 0


class Settings(Section):
    """MIND: the sliced Wasserstein distance, made for few images (Berthet et al. 2026)."""

    directions: PositiveInt = Field(
        1000, description="Random directions, the same ones for all sets of one network's features."
    )


def compute(images: Embedded, reference: Embedded, settings: Settings, **_: bool) -> dict[str, float]:
    """Return the distance of two images or more."""
    if len(images.features) < 2:
        return {}
    return {"mind": mind(images.features, reference.features, settings.directions)}


def mind(x: np.ndarray, y: np.ndarray, directions: int = 1000, seed: int = SEED) -> float:
    """Return 3d times the mean squared 2-Wasserstein distance of two samples' projections on random directions.

    Between samples on one line it is the mean squared difference of the sorted values. The factor is that of Berthet et
    al. (2026). A shift of a whole sample by a vector v gives 3 ‖v‖² in expectation over the directions.

    Args:
        x, y: features, both (n, d).
        directions: how many unit vectors are drawn.
        seed: of the draw.

    Raises:
        ValueError: the samples differ in size.
    """
    if x.shape != y.shape:
        raise ValueError(f"MIND compares samples of one size, got {x.shape} and {y.shape}")
    units = np.random.default_rng(seed).normal(size=(x.shape[1], directions))
    units /= np.linalg.norm(units, axis=0)
    ours, theirs = (np.sort(np.asarray(z, np.float64) @ units, axis=0) for z in (x, y))
    return float(3 * x.shape[1] * ((ours - theirs) ** 2).mean())
