"""What replicates say together.

Replicates share the base model, and under ``replicate: noise`` the real images and the reference: their intervals then
hold for these data and say nothing about other real images.
"""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from scripts.lib.metrics.catalogue import catalogue
from scripts.lib.scoring.intervals import around

KEYS = ["arm", "iteration", "images", "group", "features", "metric"]


def over_replicates(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of every score over its replicates, and Student's 95 % interval of that mean.

    The interval of a metric with a zero and no upper end (``Metric.ratio``) is computed on the scale of the logarithm,
    with the delta method's standard error s / (mean √n): it stays above 0, see
    ``intervals.around``. That of a share is cut at 0 and 1.

    The interval over images says what other images of the same models would give. The replicates' images are
    independent, so that the halves of their intervals add as squares.

    Args:
        scores: columns ``arm, replicate, iteration, images, group, features, metric, value, low_images, high_images``.

    Returns:
        ``arm, iteration, images, group, features, metric, replicates, mean, low, high, low_images, high_images``; the
        interval over a single replicate is NaN, and so is one over images where a replicate has none.
    """
    squares = scores.assign(
        below=(scores["value"] - scores["low_images"]) ** 2, above=(scores["high_images"] - scores["value"]) ** 2
    )
    rows = squares.groupby(KEYS, sort=False)
    table = rows["value"].agg(["count", "mean", "std"]).reset_index()
    halves = np.sqrt(rows[["below", "above"]].sum(skipna=False).to_numpy()) / table[["count"]].to_numpy()
    half = stdtrit(table["count"] - 1, 0.975) * table["std"] / np.sqrt(table["count"])
    ratios = [name for name, metric in catalogue().items() if metric.ratio]
    largest = table["metric"].map({name: metric.largest for name, metric in catalogue().items()})
    reach, is_ratio = half.to_numpy(), table["metric"].isin(ratios).to_numpy()
    low, high = around(table["mean"].to_numpy(), reach, reach, is_ratio, largest.to_numpy(float))
    ends = table.assign(
        low=low,
        high=high,
        low_images=table["mean"] - halves[:, 0],
        high_images=table["mean"] + halves[:, 1],
    )
    return ends.drop(columns="std").rename(columns={"count": "replicates"})
