"""Scores of one image set against a reference, as tidy rows."""

from collections.abc import Container, Iterable, Iterator, Mapping
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pandas as pd

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.cell import ALL
from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded
from scripts.lib.scoring.bootstrap import Resampling, compute, interval, resampled

Spaces = Mapping[str, Embedded]


class Score(NamedTuple):
    """One number: a metric of the images of one group (``all``, or ``attribute=value``), ``n`` of them.

    ``features`` is the feature space that it compares, blank for a metric that compares none. ``low_images`` and
    ``high_images`` are the ends of its 95 % interval over the images; None where it has none.
    """

    metric: str
    features: str
    group: str
    n: int
    value: float
    low_images: float | None = None
    high_images: float | None = None


class Absent(NamedTuple):
    """A score that cannot be computed, and why."""

    metric: str
    features: str
    group: str
    reason: str


def of_prompts(images: Spaces, group: str, settings: Section, resampling: Resampling | None = None) -> Iterator[Score]:
    """Yield the metrics that need no reference.

    Args:
        images: the same images in each feature space.
        group: whose images they are.
        settings: those of each kind of metric, by its name.
        resampling: of the images, for the intervals; None: without intervals.
    """
    for name, kind in kinds("metrics").items():
        if kind.AGAINST == "nothing":
            for space, own in _spaces(kind, images):
                yield from _scores(kind, own, None, getattr(settings, name), (space, group), resampling)


def against(
    images: Spaces, reference: Spaces, group: str, settings: Section, resampling: Resampling | None = None
) -> Iterator[Score]:
    """Yield the distances between two sets of equal n; each where n allows."""
    for name, kind in kinds("metrics").items():
        if kind.AGAINST == "reference":
            for space, own in _spaces(kind, images):
                other = reference[space] if space else next(iter(reference.values()))
                yield from _scores(kind, own, other, getattr(settings, name), (space, group), resampling)


def against_training(
    images: Spaces, training: Mapping[str, np.ndarray], reference: Spaces | None, settings: Section
) -> Iterator[Score]:
    """Yield the metrics that compare all images of a cell with those that its model was trained on.

    Args:
        images: the images in each feature space.
        training: features of the different images of the training set, by space.
        reference: the held-out real images in the same spaces; None where the reference trains too.
        settings: those of each kind of metric, by its name.
    """
    for name, kind in kinds("metrics").items():
        if kind.AGAINST == "training":
            for space, own in _spaces(kind, images):
                other = reference[space] if reference else None
                for metric, value in kind.compute(own, training[space], other, getattr(settings, name)).items():
                    if np.isfinite(value):
                        yield Score(metric, space, ALL, len(own.metadata), value)


def of_model(
    losses: pd.Series, metadata: pd.DataFrame, attributes: Iterable[str], settings: Section
) -> Iterator[Score]:
    """Yield the metrics of a model's loss on images that it was not trained on.

    Args:
        losses: of each image, in the order of the table.
        metadata: the table of these images.
        attributes: those whose values are scored apart.
        settings: those of each kind of metric, by its name.
    """
    values = losses.to_numpy()
    for name, kind in kinds("metrics").items():
        if kind.AGAINST == "model":
            for group, _, member in _subsets(metadata, attributes):
                for metric, value in kind.compute(values[member], getattr(settings, name)).items():
                    if np.isfinite(value):
                        yield Score(metric, "", group, int(member.sum()), value)


def absent(scores: Iterable[Score], spaces: Spaces, compared: Container[str]) -> list[Absent]:
    """Return which scores of an image set there are not, of the groups that have any, and why.

    Args:
        scores: those that there are.
        spaces: the images in each feature space.
        compared: what the set is compared with, as ``AGAINST`` of a kind of metric says it.
    """
    scores = list(scores)
    found = {(row.metric, row.features, row.group) for row in scores}
    return [
        Absent(name, space, group, f"needs {metric.needs}, and a finite value")
        for group in dict.fromkeys(row.group for row in scores)
        for kind_name, kind in kinds("metrics").items()
        if kind.AGAINST in compared and (kind.AGAINST != "training" or group == ALL)
        if not hasattr(kind, "measure") or kind_name in next(iter(spaces.values())).measured
        for space, _ in _spaces(kind, spaces)
        for name, metric in kind.METRICS.items()
        if (name, space, group) not in found
    ]


def _scores(
    kind: ModuleType,
    own: Embedded,
    other: Embedded | None,
    settings: Section,
    place: tuple[str, str],
    resampling: Resampling | None,
) -> Iterator[Score]:
    """Yield the finite scores of one kind of metric in one space, with their intervals.

    Args:
        place: the space and the group.
    """
    space, group = place
    found = compute(kind, own, other, settings, whole=group == ALL)
    values = resampled(kind, own, other, settings, resampling, whole=group == ALL) if resampling and found else {}
    for metric, value in found.items():
        if np.isfinite(value):
            groups = own.metadata["group"].to_numpy()
            ends = interval(kind.METRICS[metric], value, values[metric], groups) if metric in values else None
            yield Score(metric, space, group, len(own.metadata), value, *(ends or (None, None)))


def score(
    images: Spaces,
    reference: Spaces,
    attributes: list[str],
    settings: Section,
    resampling: Resampling | None = None,
) -> list[Score]:
    """Score the whole set, with intervals over its images, and each value of each attribute.

    Distances compare equal n per group: the first rows of each demographic group, as many as the
    smaller set has. CLIP and Vendi scores are over all images. The whole set always has a Fréchet
    distance (the paper's 820 images have fewer than their 2048 features); its parts only where n allows.

    Args:
        images: the images in each feature space.
        reference: the reference in the same spaces.
        attributes: those whose values are scored apart.
        settings: those of each kind of metric, by its name.
        resampling: of the images of the whole set; None: without intervals.
    """
    metadata = next(iter(images.values())).metadata
    ours, theirs = _equal(metadata, next(iter(reference.values())).metadata)
    rows: list[Score] = []
    for group, attribute, member in _subsets(metadata, attributes):
        chosen, again = member[ours], resampling if group == ALL else None
        rows += of_prompts(_take(images, np.flatnonzero(member), attribute), group, settings, again)
        rows += against(_take(images, ours[chosen]), _take(reference, theirs[chosen]), group, settings, again)
    return rows


def _subsets(metadata: pd.DataFrame, attributes: Iterable[str]) -> list[tuple[str, str | None, np.ndarray]]:
    """Return the sets that are scored: their name, the attribute by which they are chosen, and which rows they have."""
    of_values = [(name, value) for name in attributes for value in metadata[name].unique()]
    parts = [(f"{name}={value}", name, (metadata[name] == value).to_numpy()) for name, value in of_values]
    return [(ALL, None, np.full(len(metadata), True)), *parts]


def _take(spaces: Spaces, rows: np.ndarray, attribute: str | None = None) -> Spaces:
    return {name: embedded.take(rows, attribute) for name, embedded in spaces.items()}


def _spaces(kind: ModuleType, spaces: Spaces) -> Iterable[tuple[str, Embedded]]:
    """Return the spaces that a kind of metric is computed in.

    They are all, or those of its ``NETWORKS``, or one without a name where it compares no features.
    """
    if any(metric.of_features for metric in kind.METRICS.values()):
        networks = getattr(kind, "NETWORKS", None)
        return [item for item in spaces.items() if networks is None or item[1].network in networks]
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
