"""Dose and response: whether a score rises with the share of generated images."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

FEWEST = 4  # Of three arms the interval's standard error is infinite.


class RankCorrelation(NamedTuple):
    """Spearman's ρ, the ends of its 95 % interval (NaN where ρ is ±1), and the p value of a permutation test."""

    rho: float
    low: float
    high: float
    p: float


def rank_correlation(shares: Sequence[float], values: Sequence[float]) -> RankCorrelation:
    """Return Spearman's ρ of a dose and a response over arms.

    The interval is Bonett and Wright's (2000): Fisher's z with variance (1 + ρ²/2) / (n - 3). The permutation test is
    exact up to seven arms and takes 9,999 random permutations of more.

    Args:
        shares: share of generated images, one for each arm.
        values: the arm's score.

    Raises:
        ValueError: there are fewer than four arms, or one of both sequences is constant.
    """
    if len(shares) < FEWEST or len(set(shares)) == 1 or len(set(values)) == 1:
        raise ValueError(f"a rank correlation needs {FEWEST} arms at least and two different values")
    rho = float(stats.spearmanr(shares, values).statistic)
    test = stats.permutation_test(
        (np.asarray(shares),),
        lambda permuted: stats.spearmanr(permuted, values).statistic,
        permutation_type="pairings",
        n_resamples=9999,
        rng=np.random.default_rng(0),
    )
    if abs(rho) > 1 - 1e-12:
        return RankCorrelation(rho, np.nan, np.nan, float(test.pvalue))
    half = stats.norm.ppf(0.975) * np.sqrt((1 + rho**2 / 2) / (len(shares) - 3))
    low, high = np.tanh(np.arctanh(rho) + np.array([-half, half]))
    return RankCorrelation(rho, float(low), float(high), float(test.pvalue))
