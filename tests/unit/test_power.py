"""The number of replicates that a difference takes: known values, a simulation, and what a plan says of it."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scripts.lib.scoring.power import replicates_needed, suggested
from tests.unit.test_contrasts import scores


@pytest.mark.parametrize(("effect", "pairs"), [(0.5, 34), (0.8, 15), (1.0, 10), (2.0, 5)])
def test_the_numbers_are_those_of_g_power_for_the_paired_t_test(effect, pairs):
    assert replicates_needed(-3 * effect, 3) == pairs


def test_the_test_shows_the_difference_as_often_as_it_is_said():
    needed = int(replicates_needed(1.0, 1.0))
    rng = np.random.default_rng(0)
    below, enough = (
        (stats.ttest_1samp(rng.normal(1, 1, (20_000, n)), 0, axis=1).pvalue < 0.05).mean() for n in (needed - 1, needed)
    )
    assert below < 0.78
    assert enough == pytest.approx(0.803, abs=0.01)


def test_no_difference_is_never_shown_and_one_without_deviation_at_once():
    assert math.isinf(replicates_needed(0.0, 1.0))
    assert math.isinf(replicates_needed(0.0, 0.0))
    assert replicates_needed(1.0, 0.0) == 2


def test_only_the_last_iteration_with_two_pairs_is_read():
    parts = [
        scores({"real": [1, 2, 3], "half": [2, 3.5, 4], "base": [9, 9, 9]}),
        scores({"real": [1, 2, 3], "half": [3, 4, 6], "floor": [0]}, iteration=2),
        scores({"real": [1, 2, 3], "half": [0, 0, 0]}, group="gender=man", iteration=2),
        scores({"real": [1], "half": [4]}, iteration=3),
    ]
    (row,) = suggested(pd.concat(parts), dict.fromkeys(("real", "half"), "real")).to_dict("records")
    assert (row["arm"], row["iteration"], row["metric"], row["pairs"]) == ("half", 2, "frechet_distance", 3)
    assert row["difference"] == pytest.approx(7 / 3)
    assert row["deviation"] == pytest.approx(np.std([2, 2, 3], ddof=1))
    assert row["replicates"] == replicates_needed(row["difference"], row["deviation"])
    assert suggested(pd.concat(parts), {}).empty
