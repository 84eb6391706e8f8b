"""Scores of one image set against a reference, as tidy rows."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from scripts.lib.experiment.cell import ALL
from scripts.lib.scoring.metrics import (
    clip_scores,
    frechet_distance,
    kernel_distance,
    precision_recall_density_coverage,
    vendi_score,
)


class Embedded(NamedTuple):
    """A set's table with its embeddings: row i of each array belongs to row i of the table."""

    metadata: pd.DataFrame
    features: np.ndarray
    clip_image: np.ndarray
    clip_text: np.ndarray

    def take(self, rows: np.ndarray) -> "Embedded":
        return Embedded(self.metadata.iloc[rows], *(array[rows] for array in self[1:]))


class Score(NamedTuple):
    """One number: a metric of the images of one group (``all``, or ``attribute=value``), ``n`` of them."""

    metric: str
    group: str
    n: int
    value: float


def of_prompts(images: Embedded) -> Iterable[tuple[str, float]]:
    """Yield what needs no reference: CLIP score, its deviation over images (divisor n - 1), Vendi score."""
    scores = clip_scores(images.clip_image, images.clip_text)
    yield "clip_score", float(scores.mean())
    if len(scores) > 1:
        yield "clip_score_std", float(scores.std(ddof=1))
    yield "vendi_score", vendi_score(images.features)


def against(images: Embedded, reference: Embedded, nearest_k: int, *, whole: bool) -> Iterable[tuple[str, float]]:
    """Yield the distances between two sets of equal n; each where n allows.

    The Fréchet distance needs more samples than features (the covariance is singular otherwise, and
    the bias large) except for the ``whole`` set; precision and the like need more than ``nearest_k``.
    """
    n, dimensions = images.features.shape
    if n > dimensions or (whole and n > 1):
        yield "frechet_distance", frechet_distance(images.features, reference.features)
    if n > 1:
        yield "kernel_distance", kernel_distance(images.features, reference.features)
    if n > nearest_k:
        yield from precision_recall_density_coverage(reference.features, images.features, nearest_k).items()


def score(images: Embedded, reference: Embedded, attributes: list[str], nearest_k: int) -> list[Score]:
    """Score the whole set, and each value of each attribute.

    Distances compare equal n a group: the first rows of each demographic group, as many as the
    smaller set has. CLIP and Vendi scores are over all images. The whole set always has a Fréchet
    distance (the paper's 820 images have fewer than their 2048 features); its parts only where n allows.
    """
    ours, theirs = _equal(images.metadata, reference.metadata)
    subsets = [(ALL, pd.Series(True, index=images.metadata.index))]
    subsets += [
        (f"{name}={value}", images.metadata[name] == value)
        for name in attributes
        for value in images.metadata[name].unique()
    ]
    rows = []
    for group, member in subsets:
        own = images.take(np.flatnonzero(member))
        rows += [Score(metric, group, len(own.metadata), value) for metric, value in of_prompts(own)]
        chosen = member.to_numpy()[ours]
        pair = images.take(ours[chosen]), reference.take(theirs[chosen])
        distances = against(*pair, nearest_k, whole=group == ALL)
        rows += [Score(metric, group, int(chosen.sum()), value) for metric, value in distances]
    return rows


def _equal(images: pd.DataFrame, reference: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of each table that make equal n in every group, in the same order of groups."""
    ours, theirs = [], []
    for group in images["group"].unique():
        a, b = (np.flatnonzero(table["group"] == group) for table in (images, reference))
        n = min(len(a), len(b))
        ours.append(a[:n])
        theirs.append(b[:n])
    return np.concatenate(ours), np.concatenate(theirs)
