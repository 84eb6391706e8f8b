"""The Vendi score: how many different images there are in effect."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric

METRICS = {
    "vendi_score": Metric(
        "Vendi score", "effective number of different images", True, (0, None), "diversity", needs="an image"
    ),
}
AGAINST = "nothing"


class Settings(Section):
    """The Vendi score: the effective number of different images (Friedman & Dieng 2023)."""


def compute(images: Embedded, _: Settings) -> dict[str, float]:
    """Return the score of a set."""
    return {"vendi_score": vendi_score(images.features)}


def resampled(images: Embedded, _: Settings, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores of resamples of a set."""
    return {"vendi_score": vendi_scores(images.features, counts)}


def vendi_scores(x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the Vendi score of each resample of a sample, (b,).

    Args:
        x: features, (n, d).
        counts: how often each resample has each row, (b, n).
    """
    unit = _unit(x)
    gram = unit @ unit.T if len(x) < x.shape[1] else None
    scores = []
    for row in counts:
        drawn = np.flatnonzero(row)
        if gram is not None or len(drawn) < x.shape[1]:
            root = np.sqrt(row[drawn])
            part = gram[np.ix_(drawn, drawn)] if gram is not None else unit[drawn] @ unit[drawn].T
            matrix = root[:, None] * part * root
        else:
            matrix = (unit.T * row) @ unit
        scores.append(_effective_number(np.linalg.eigvalsh(matrix / row.sum())))
    return np.array(scores)


def vendi_score(x: np.ndarray) -> float:
    """Vendi score (Friedman & Dieng 2023): effective number of distinct samples, 1 to n, under cosine similarity."""
    unit = _unit(x)
    gram = unit @ unit.T if len(x) < x.shape[1] else unit.T @ unit
    return _effective_number(np.linalg.eigvalsh(gram / len(x)))


def _unit(x: np.ndarray) -> np.ndarray:
    """Return the rows scaled to length 1; a row of zeros stays as it is, and is like no other one."""
    x = np.asarray(x, np.float64)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.finfo(np.float64).tiny)


def _effective_number(values: np.ndarray) -> float:
    """Return the exponential of the entropy of eigenvalues that add to 1."""
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))
