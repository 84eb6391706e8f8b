"""Diversity within a prompt: how different the images of one group are, on average over the groups."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric
from scripts.lib.metrics.vendi_score import vendi_scores

METRICS = {
    "vendi_within_prompt": Metric(
        "Vendi within a prompt",
        "effective number of different images",
        True,
        (0, None),
        "diversity",
        needs="two images of one group",
    ),
    "distance_within_prompt": Metric(
        "Distance within a prompt", "higher is more diverse", True, (0, None), needs="two images of one group"
    ),
}
AGAINST = "nothing"


class Settings(Section):
    """Diversity of the images of a prompt, averaged over the prompts: Vendi score and mean distance of two images."""


def compute(images: Embedded, settings: Settings) -> dict[str, float]:
    """Return both for the groups of two images or more; nothing where no group has two."""
    once = np.ones((1, len(images.features)), int)
    return {name: float(values[0]) for name, values in resampled(images, settings, once).items()}


def resampled(images: Embedded, _: Settings, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return both for resamples of the images, with the sizes of the groups as they are."""
    groups = images.metadata["group"].to_numpy()
    parts = [np.flatnonzero(groups == name) for name in dict.fromkeys(groups)]
    parts = [rows for rows in parts if len(rows) > 1]
    if not parts:
        return {}
    return {
        name: np.mean([measure(images.features[rows], counts[:, rows]) for rows in parts], axis=0)
        for name, measure in (("vendi_within_prompt", vendi_scores), ("distance_within_prompt", mean_distances))
    }


def mean_distances(x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean Euclidean distance of two different draws, of each resample, (b,).

    Args:
        x: features, (n, d), n of 2 or more.
        counts: how often each resample has each row, (b, n).
    """
    from scipy.spatial.distance import pdist, squareform

    distances = squareform(pdist(np.asarray(x, np.float64)))
    return ((counts @ distances) * counts).sum(1) / (len(x) * (len(x) - 1))
