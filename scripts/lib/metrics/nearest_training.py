"""The nearest training image beside the nearest held-out one: a model that copies is nearer to what it has seen."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric
from scripts.lib.metrics.nearest import nearest

METRICS = {
    "nearest_training_gap": Metric(
        "Nearest training image", "below 0: nearer than held-out real images", True, needs="a held-out reference"
    ),
}
AGAINST = "training"


class Settings(Section):
    """The distance to the nearest training image, less that to the nearest image of the held-out reference."""


def compute(images: Embedded, training: np.ndarray, reference: Embedded | None, _: Settings) -> dict[str, float]:
    """Return the difference where there is a held-out reference."""
    if reference is None:
        return {}
    return {"nearest_training_gap": nearest_training_gap(images.features, training, reference.features)}


def nearest_training_gap(images: np.ndarray, training: np.ndarray, reference: np.ndarray) -> float:
    """Return the mean over images of the distance to the nearest training image less that to the nearest reference.

    The larger one of both sets would be nearer by its size alone: of it, evenly spaced rows count, as many as the
    other one has.

    Args:
        images, training, reference: features, (n, d), (m, d) and (k, d).
    """
    size = min(len(training), len(reference))
    own, other = (
        nearest(images, rows[np.linspace(0, len(rows) - 1, size).round().astype(int)])[1]
        for rows in (training, reference)
    )
    return float((own - other).mean())
