"""What replicates say together.

Replicates share the real images, the reference and the base model. Their intervals hold for these data and say nothing
about other real images.
"""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from scripts.lib.metrics.catalogue import catalogue

KEYS = ["arm", "iteration", "images", "group", "features", "metric"]


def over_replicates(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of every score over its replicates, and Student's 95 % interval of that mean.

    The interval of a metric with a zero and no upper end (``Metric.ratio``) is computed on the scale of the logarithm,
    with the delta method's standard error s / (mean √n): it stays above 0.

    Args:
        scores: columns ``arm, replicate, iteration, images, group, features, metric, value``.

    Returns:
        ``arm, iteration, images, group, features, metric, replicates, mean, low, high``; the interval of
        a single replicate is NaN.
    """
    table = scores.groupby(KEYS, sort=False)["value"].agg(["count", "mean", "std"]).reset_index()
    half = stdtrit(table["count"] - 1, 0.975) * table["std"] / np.sqrt(table["count"])
    ratios = [name for name, metric in catalogue().items() if metric.ratio]
    on_log_scale = table["metric"].isin(ratios) & (table["mean"] > 0)
    factor = np.exp(half / table["mean"].where(on_log_scale))
    ends = table.assign(
        low=(table["mean"] - half).mask(on_log_scale, table["mean"] / factor),
        high=(table["mean"] + half).mask(on_log_scale, table["mean"] * factor),
    )
    return ends.drop(columns="std").rename(columns={"count": "replicates"})
