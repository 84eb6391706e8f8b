"""Scores of one image set against a reference, as tidy rows."""

from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pandas as pd

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.cell import ALL
from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded

Spaces = Mapping[str, Embedded]


class Score(NamedTuple):
    """One number: a metric of the images of one group (``all``, or ``attribute=value``), ``n`` of them.

    ``features`` is the feature space that it compares, blank for a metric that compares none.
    """

    metric: str
    features: str
    group: str
    n: int
    value: float


def of_prompts(images: Spaces, group: str, settings: Section) -> Iterator[Score]:
    """Yield the metrics that need no reference.

    Args:
        images: the same images in each feature space.
        group: whose images they are.
        settings: those of each kind of metric, by its name.
    """
    for name, kind in kinds("metrics").items():
        if not kind.AGAINST_REFERENCE:
            for space, own in _spaces(kind, images):
                for metric, value in kind.compute(own, getattr(settings, name)).items():
                    yield Score(metric, space, group, len(own.metadata), value)


def against(images: Spaces, reference: Spaces, group: str, settings: Section) -> Iterator[Score]:
    """Yield the distances between two sets of equal n; each where n allows."""
    for name, kind in kinds("metrics").items():
        if kind.AGAINST_REFERENCE:
            for space, own in _spaces(kind, images):
                other = reference[space] if space else next(iter(reference.values()))
                found = kind.compute(own, other, getattr(settings, name), whole=group == ALL)
                for metric, value in found.items():
                    yield Score(metric, space, group, len(own.metadata), value)


def score(images: Spaces, reference: Spaces, attributes: list[str], settings: Section) -> list[Score]:
    """Score the whole set, and each value of each attribute.

    Distances compare equal n per group: the first rows of each demographic group, as many as the
    smaller set has. CLIP and Vendi scores are over all images. The whole set always has a Fréchet
    distance (the paper's 820 images have fewer than their 2048 features); its parts only where n allows.

    Args:
        images: the images in each feature space.
        reference: the reference in the same spaces.
        attributes: those whose values are scored apart.
        settings: those of each kind of metric, by its name.
    """
    metadata = next(iter(images.values())).metadata
    ours, theirs = _equal(metadata, next(iter(reference.values())).metadata)
    subsets = [(ALL, pd.Series(True, index=metadata.index))]
    subsets += [
        (f"{name}={value}", metadata[name] == value) for name in attributes for value in metadata[name].unique()
    ]
    rows: list[Score] = []
    for group, member in subsets:
        rows += of_prompts(_take(images, np.flatnonzero(member)), group, settings)
        chosen = member.to_numpy()[ours]
        rows += against(_take(images, ours[chosen]), _take(reference, theirs[chosen]), group, settings)
    return rows


def _take(spaces: Spaces, rows: np.ndarray) -> Spaces:
    return {name: embedded.take(rows) for name, embedded in spaces.items()}


def _spaces(kind: ModuleType, spaces: Spaces) -> Iterable[tuple[str, Embedded]]:
    """Return the spaces that a kind of metric is computed in: all, or one without a name where it compares none."""
    if any(metric.of_features for metric in kind.METRICS.values()):
        return spaces.items()
    return [("", next(iter(spaces.values())))]


def _equal(images: pd.DataFrame, reference: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of each table that make equal n in every group, in the same order of groups."""
    ours, theirs = [], []
    for group in images["group"].unique():
        a, b = (np.flatnonzero(table["group"] == group) for table in (images, reference))
        n = min(len(a), len(b))
        ours.append(a[:n])
        theirs.append(b[:n])
    return np.concatenate(ours), np.concatenate(theirs)
