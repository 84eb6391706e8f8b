"""The ends of an interval around a score."""

import numpy as np


def around(
    value: np.ndarray, below: np.ndarray, above: np.ndarray, ratio: np.ndarray, largest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of intervals, by how far they reach below and above their values.

    A score with a zero and no upper end (``Metric.ratio``) has its interval on the scale of the logarithm, so that it
    stays above 0. Where the interval reaches farther than ten times the value, a logarithm says nothing and its end
    would overflow: the interval is then cut at 0. That of a score between 0 and a largest value is cut at both.

    Args:
        value: the scores; NaN gives NaN.
        below, above: how far the intervals reach, 0 or more.
        ratio: whether each score is such a ratio.
        largest: the largest value of each score whose least is 0; NaN where there is none.
    """
    on_log_scale = ratio & (value > 0) & (np.maximum(below, above) <= 10 * value)
    scale = np.where(on_log_scale, value, np.inf)
    low = np.where(on_log_scale, value * np.exp(-below / scale), value - below)
    high = np.where(on_log_scale, value * np.exp(above / scale), value + above)
    bounded = ~np.isnan(largest)
    return np.where(ratio | bounded, np.maximum(low, 0), low), np.where(bounded, np.minimum(high, largest), high)
