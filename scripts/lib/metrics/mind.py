"""MIND: the sliced Wasserstein distance between two sets of features (Monge Inception Distance)."""

import numpy as np
from pydantic import Field, PositiveInt

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric

METRICS = {
    "mind": Metric("MIND, sliced Wasserstein", "lower is better", True, (0, None), needs="two images"),
}
AGAINST = "reference"
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


def resampled(
    images: Embedded, reference: Embedded, settings: Settings, counts: np.ndarray, **__: bool
) -> dict[str, np.ndarray]:
    """Return the distances of resamples of the images."""
    n, dimensions = images.features.shape
    if n < 2:
        return {}
    ours, theirs = (_projected(z.features, settings.directions, SEED).T for z in (images, reference))
    order, theirs = np.argsort(ours, axis=1), np.sort(theirs, axis=1)
    ours = np.take_along_axis(ours, order, axis=1).ravel()
    # A resample has the sorted values of the set, each as often as it was drawn.
    means = [((np.repeat(ours, row[order].ravel()) - theirs.ravel()) ** 2).mean() for row in counts]
    return {"mind": 3 * dimensions * np.array(means)}


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
    ours, theirs = (np.sort(_projected(z, directions, seed), axis=0) for z in (x, y))
    return float(3 * x.shape[1] * ((ours - theirs) ** 2).mean())


def _projected(x: np.ndarray, directions: int, seed: int) -> np.ndarray:
    """Return the projections of samples on random unit vectors, (n, directions)."""
    units = np.random.default_rng(seed).normal(size=(x.shape[1], directions))
    return np.asarray(x, np.float64) @ (units / np.linalg.norm(units, axis=0))
