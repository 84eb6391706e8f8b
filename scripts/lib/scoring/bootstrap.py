"""What other images of the same model would give: the bootstrap over the images of a cell."""

from types import ModuleType
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric
from scripts.lib.scoring.intervals import around


class Interval(NamedTuple):
    """The ends of a 95 % interval."""

    low: float
    high: float


class Resampling(NamedTuple):
    """How many resamples are drawn, and the seed of the draw."""

    resamples: int
    seed: int


def draw_counts(groups: np.ndarray, resampling: Resampling) -> np.ndarray:
    """Return how often each resample has each image, int (resamples, n).

    A resample draws from each group with replacement, as many images as the group has: sets have fixed numbers of
    each group.

    Args:
        groups: the group of each image, (n,).
        resampling: how many, and the seed.
    """
    rng = np.random.default_rng(resampling.seed)
    counts = np.zeros((resampling.resamples, len(groups)), int)
    for name in dict.fromkeys(groups):
        rows = np.flatnonzero(groups == name)
        counts[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=resampling.resamples)
    return counts


def compute(
    kind: ModuleType, images: Embedded, reference: Embedded | None, settings: Section, *, whole: bool
) -> dict[str, float]:
    """Return the metrics of a kind of one set, against a reference where there is one."""
    if reference is None:
        return kind.compute(images, settings)
    return kind.compute(images, reference, settings, whole=whole)


def resampled(
    kind: ModuleType,
    images: Embedded,
    reference: Embedded | None,
    settings: Section,
    resampling: Resampling,
    *,
    whole: bool,
) -> dict[str, np.ndarray]:
    """Return the metrics of a kind for each resample of the images, each (resamples,).

    A kind that has a function ``resampled`` does it at once; of any other one every resample is computed as a set.
    """
    counts = draw_counts(images.metadata["group"].to_numpy(), resampling)
    if hasattr(kind, "resampled"):
        against = () if reference is None else (reference,)
        more = {} if reference is None else {"whole": whole}
        return kind.resampled(images, *against, settings, counts, **more)
    sets = (images.take(np.repeat(np.arange(len(row)), row)) for row in counts)
    found = [compute(kind, one, reference, settings, whole=whole) for one in sets]
    return {name: np.array([values[name] for values in found]) for name in found[0]}


def interval(metric: Metric, value: float, values: np.ndarray, groups: np.ndarray) -> Interval | None:
    """Return the 95 % interval of a score at this number of images; None where no group has two.

    A resample repeats images, so that its distances are larger and its diversity is smaller on average than the
    set's. Its deviation alone is therefore used, with Student's quantile, see ``intervals.around``. A resample of m
    images of a group has (m - 1) / m of the variance of m new ones, of n images in g groups (n - g) / n. A share stays
    one.

    Args:
        metric: what the score is of.
        value: the score of the set.
        values: those of the resamples.
        groups: the group of each image.
    """
    freedom = len(groups) - len(set(groups))
    if not freedom:
        return None
    half = np.array(stdtrit(freedom, 0.975) * values.std(ddof=1) * np.sqrt(len(groups) / freedom))
    largest = np.array(metric.largest or np.nan)
    return Interval(*map(float, around(np.array(value), half, half, np.array(metric.ratio), largest)))
