"""What replicates say together."""

import numpy as np
import pandas as pd
from scipy.special import stdtrit


def over_replicates(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of every score over its replicates, and Student's 95 % interval of that mean.

    Args:
        scores: columns ``arm, replicate, iteration, images, group, metric, value``.

    Returns:
        ``arm, iteration, images, group, metric, replicates, mean, low, high``; the interval of a
        single replicate is NaN.
    """
    keys = ["arm", "iteration", "images", "group", "metric"]
    table = scores.groupby(keys, sort=False)["value"].agg(["count", "mean", "std"])
    half = stdtrit(table["count"] - 1, 0.975) * table["std"] / np.sqrt(table["count"])
    ends = table.assign(low=table["mean"] - half, high=table["mean"] + half).drop(columns="std")
    return ends.rename(columns={"count": "replicates"}).reset_index()
