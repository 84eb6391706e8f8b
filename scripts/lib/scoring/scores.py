"""Scores of one image set against a reference, as tidy rows."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.cell import ALL
from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded


class Score(NamedTuple):
    """One number: a metric of the images of one group (``all``, or ``attribute=value``), ``n`` of them."""

    metric: str
    group: str
    n: int
    value: float


def of_prompts(images: Embedded, settings: Section) -> Iterator[tuple[str, float]]:
    """Yield the metrics that need no reference.

    Args:
        settings: those of each kind of metric, by its name.
    """
    for name, kind in kinds("metrics").items():
        if not kind.AGAINST_REFERENCE:
            yield from kind.compute(images, getattr(settings, name)).items()


def against(images: Embedded, reference: Embedded, settings: Section, *, whole: bool) -> Iterator[tuple[str, float]]:
    """Yield the distances between two sets of equal n; each where n allows.

    Args:
        whole: whether these are all images of a set, not those of one group.
    """
    for name, kind in kinds("metrics").items():
        if kind.AGAINST_REFERENCE:
            yield from kind.compute(images, reference, getattr(settings, name), whole=whole).items()


def score(images: Embedded, reference: Embedded, attributes: list[str], settings: Section) -> list[Score]:
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
        rows += [Score(metric, group, len(own.metadata), value) for metric, value in of_prompts(own, settings)]
        chosen = member.to_numpy()[ours]
        pair = images.take(ours[chosen]), reference.take(theirs[chosen])
        distances = against(*pair, settings, whole=group == ALL)
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
