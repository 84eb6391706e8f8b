"""How many replicates it takes to see a difference between two arms, by what the finished ones suggest."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from scripts.lib.experiment.cell import ALL
from scripts.lib.scoring.contrasts import paired

POWER = 0.8
MOST = 1000
SEEN_BY = ["frechet_distance", "clip_score"]
COLUMNS = ["arm", "iteration", "metric", "pairs", "difference", "deviation", "replicates"]


def replicates_needed(difference: float, deviation: float, power: float = POWER) -> float:
    """Return how many pairs of replicates show a difference in a paired t test of 5 %, two-sided.

    The test statistic has the noncentral t distribution of n - 1 degrees of freedom and noncentrality √n times the
    difference over its deviation (Cohen 1988).

    Args:
        difference: the mean of the paired differences.
        deviation: their standard deviation.
        power: how often the test shall show it.

    Returns:
        The number; infinite where ``MOST`` are too few.
    """
    from scipy import stats

    if deviation == 0:
        return 2 if difference else math.inf
    pairs = np.arange(2, MOST + 1)
    freedom, shift = pairs - 1, np.sqrt(pairs) * abs(difference) / deviation
    # The other side of the test has a share that does not matter where the power is large.
    enough = stats.nct.sf(stats.t.ppf(0.975, freedom), freedom, shift) >= power
    return float(pairs[enough.argmax()]) if enough.any() else math.inf


def suggested(scores: pd.DataFrame, controls: Mapping[str, str]) -> pd.DataFrame:
    """Return what the finished replicates of each arm suggest, in its last iteration that its control has too.

    Args:
        scores: those of one feature space, columns ``arm, replicate, iteration, images, group, metric, value``.
        controls: the control of each arm.

    Returns:
        One row per arm of two pairs or more and per metric of ``SEEN_BY``; its columns are ``COLUMNS``, of which
        ``replicates`` is the number that would be needed.
    """
    whole = scores[(scores["images"] == "generated") & (scores["group"] == ALL) & scores["metric"].isin(SEEN_BY)]
    pairs = paired(whole, controls, ["replicate", "iteration", "metric"])
    keys = ["arm", "iteration", "metric"]
    table = pairs.groupby(keys, sort=False)["difference"].agg(["count", "mean", "std"]).reset_index()
    table = table[table["count"] > 1].rename(columns={"count": "pairs", "mean": "difference", "std": "deviation"})
    table = table[table["iteration"] == table.groupby("arm")["iteration"].transform("max")]
    needed = [replicates_needed(*row) for row in table[["difference", "deviation"]].itertuples(index=False)]
    return table.assign(replicates=needed).reset_index(drop=True)[COLUMNS]
