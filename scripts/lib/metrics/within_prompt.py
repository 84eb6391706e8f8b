"""Diversity within a prompt: how different the images of one group are, on average over the groups."""

from collections.abc import Callable

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric
from scripts.lib.metrics.vendi_score import vendi_score

METRICS = {
    "vendi_within_prompt": Metric(
        "Vendi within a prompt", "effective number of different images", True, (0, None), "diversity"
    ),
    "distance_within_prompt": Metric("Distance within a prompt", "higher is more diverse", True, (0, None)),
}
AGAINST_REFERENCE = False


class Settings(Section):
    """Diversity of the images of a prompt, averaged over the prompts: Vendi score and mean distance of two images."""


def compute(images: Embedded, _: Settings) -> dict[str, float]:
    """Return both for the groups of two images or more; nothing where no group has two."""
    groups = images.metadata["group"].to_numpy()
    parts = [images.features[groups == name] for name in dict.fromkeys(groups)]
    parts = [part for part in parts if len(part) > 1]
    if not parts:
        return {}
    measures: dict[str, Callable[[np.ndarray], float]] = {
        "vendi_within_prompt": vendi_score,
        "distance_within_prompt": mean_distance,
    }
    return {name: float(np.mean([measure(part) for part in parts])) for name, measure in measures.items()}


def mean_distance(x: np.ndarray) -> float:
    """Return the mean Euclidean distance of two different samples, (n, d), n of 2 or more."""
    from scipy.spatial.distance import pdist

    return float(pdist(np.asarray(x, np.float64)).mean())
