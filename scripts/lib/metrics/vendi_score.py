"""The Vendi score: how many different images there are in effect."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric

METRICS = {
    "vendi_score": Metric("Vendi score", "effective number of different images", True, (0, None), "diversity"),
}
AGAINST_REFERENCE = False


class Settings(Section):
    """The Vendi score: the effective number of different images (Friedman & Dieng 2023)."""


def compute(images: Embedded, _: Settings) -> dict[str, float]:
    """Return the score of a set."""
    return {"vendi_score": vendi_score(images.features)}


def vendi_score(x: np.ndarray) -> float:
    """Vendi score (Friedman & Dieng 2023): effective number of distinct samples, 1 to n, under cosine similarity."""
    x = np.asarray(x, np.float64)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    gram = unit @ unit.T if len(x) < x.shape[1] else unit.T @ unit
    values = np.linalg.eigvalsh(gram / len(x))
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))
