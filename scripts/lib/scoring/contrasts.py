"""Every arm against its control arm: paired differences with intervals, and the iteration in which an arm leaves it.

Replicates of two arms with one seed share noise and slots, so their scores rise and fall together. The difference of
each pair is more exact than the difference of two means with their own intervals.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from scripts.lib.experiment.cell import ALL

KEYS = ["arm", "iteration", "images", "group", "features", "metric"]


def contrasts(scores: pd.DataFrame, controls: Mapping[str, str]) -> pd.DataFrame:
    """Return the difference of every arm to its control arm in the same iteration, over the pairs of equal replicate.

    The floor cancels in a difference. ``p`` is that of the paired t test, ``p_holm`` is adjusted by Holm (1979) for all
    comparisons of one metric in one feature space and iteration: those of all arms, and for single groups those of all
    groups too.

    Args:
        scores: columns ``arm, replicate, iteration, images, group, features, metric, value``.
        controls: the control of each arm; without one the table has no rows.

    Returns:
        ``arm, iteration, images, group, features, metric, control, pairs, difference, low, high, p, p_holm``:
        ``low`` and ``high`` are the ends of Student's 95 % interval. They and both p are NaN for a single pair. An
        iteration that the control does not have is absent.
    """
    pairs = paired(scores, controls, [*KEYS[1:], "replicate"])
    table = pairs.groupby([*KEYS, "control"], sort=False)["difference"].agg(["count", "mean", "std"]).reset_index()
    error, freedom = table["std"] / np.sqrt(table["count"]), table["count"] - 1
    half = stdtrit(freedom, 0.975) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(table["mean"] == 0, 0 * error, table["mean"].abs() / error)
    table = table.assign(low=table["mean"] - half, high=table["mean"] + half, p=2 * stdtr(freedom, -t)).rename(
        columns={"count": "pairs", "mean": "difference"}
    )
    family = [table["iteration"], table["images"], table["features"], table["metric"], table["group"] == ALL]
    table["p_holm"] = table.groupby(family)["p"].transform(holm)
    return table[[*KEYS, "control", "pairs", "difference", "low", "high", "p", "p_holm"]]


def paired(scores: pd.DataFrame, controls: Mapping[str, str], on: list[str]) -> pd.DataFrame:
    """Return the rows of arms that have a control and are none, each beside its control's row.

    Args:
        scores: columns ``arm``, ``value`` and those of ``on``.
        controls: the control of each arm.
        on: the columns in which both rows are equal.

    Returns:
        Their columns, and ``control, value_control, difference``; a row whose control has none is absent.
    """
    theirs = scores[["arm", *on, "value"]].rename(columns={"arm": "control", "value": "value_control"})
    pairs = with_control(scores, controls).merge(theirs, on=["control", *on])
    return pairs.assign(difference=pairs["value"] - pairs["value_control"])


def with_control(scores: pd.DataFrame, controls: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of arms that have a control and are none, with its name in the column ``control``."""
    arms = scores[scores["arm"].isin([arm for arm, control in controls.items() if arm != control])]
    return arms.assign(control=arms["arm"].map(dict(controls)).astype(str))


def holm(p: pd.Series) -> pd.Series:
    """Return p values of one family, adjusted by Holm's step-down method (1979); NaN stays, and does not count."""
    ordered = p.dropna().sort_values()
    adjusted = (ordered * np.arange(len(ordered), 0, -1)).cummax().clip(upper=1)
    return adjusted.reindex(p.index)


def worse_by_score(table: pd.DataFrame) -> pd.DataFrame:
    """Return whether the interval of a difference lies on the worse side of 0, by iteration and metric.

    Args:
        table: rows of ``contrasts`` of one arm's whole sets of generated images in one feature space, of the metrics
            ``frechet_distance`` (worse where it rises) and ``clip_score`` (worse where it falls).

    Returns:
        A bool in each of the columns of these names, a row for each iteration that has both.
    """
    distance, clip_score = (
        table[table["metric"] == metric].set_index("iteration") for metric in ("frechet_distance", "clip_score")
    )
    found = pd.concat(
        {"frechet_distance": distance["low"] > 0, "clip_score": clip_score["high"] < 0}, axis=1, join="inner"
    )
    return found.sort_index()


def worse(table: pd.DataFrame) -> pd.Series:
    """Return whether both intervals lie on the worse side of 0, a bool for each iteration; see ``worse_by_score``."""
    return worse_by_score(table).all(axis=1)
