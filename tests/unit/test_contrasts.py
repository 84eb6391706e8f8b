"""Arms against a control: paired differences, adjusted p values, coverage; dose and response."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from scripts.lib.scoring.contrasts import contrasts, holm, worse
from scripts.lib.scoring.dose_response import rank_correlation

CONTROLS = dict.fromkeys(("real", "same", "half", "all"), "real")
COLUMNS = ["arm", "replicate", "iteration", "images", "group", "features", "metric", "value"]


def scores(values, metric="frechet_distance", group="all", iteration=1):
    """Scores of arms, a value for each replicate."""
    rows = [
        (arm, replicate, iteration, "generated", group, "fid", metric, value)
        for arm, own in values.items()
        for replicate, value in enumerate(own)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_a_contrast_is_the_paired_t_test():
    real, half = [1.0, 2.0, 4.0], [1.5, 2.9, 4.4]
    (row,) = contrasts(scores({"base": [0], "floor": [0], "real": real, "half": half}), CONTROLS).to_dict("records")
    test = scipy.stats.ttest_rel(half, real)
    low, high = test.confidence_interval(0.95)
    assert (row["arm"], row["control"], row["pairs"]) == ("half", "real", 3)
    assert (row["difference"], row["low"], row["high"]) == pytest.approx((0.6, low, high))
    assert (row["p"], row["p_holm"]) == pytest.approx((test.pvalue, test.pvalue))


def test_only_replicates_and_iterations_that_both_arms_have_are_compared():
    table = pd.concat([scores({"real": [1, 2], "half": [2, 4, 9]}), scores({"half": [7, 7]}, iteration=2)])
    (row,) = contrasts(table, CONTROLS).to_dict("records")
    assert (row["iteration"], row["pairs"], row["difference"]) == (1, 2, 1.5)


def test_a_single_pair_has_a_difference_and_no_interval():
    (row,) = contrasts(scores({"real": [1], "half": [3]}), CONTROLS).to_dict("records")
    assert row["difference"] == 2
    assert np.isnan([row["low"], row["high"], row["p"], row["p_holm"]]).all()


@pytest.mark.parametrize(("half", "p"), [([1, 2, 4], 1), ([2, 3, 5], 0)])
def test_differences_that_are_all_alike_have_an_interval_of_no_width(half, p):
    (row,) = contrasts(scores({"real": [1, 2, 4], "half": half}), CONTROLS).to_dict("records")
    assert row["low"] == row["high"] == row["difference"] == half[0] - 1
    assert row["p"] == p


def test_each_arm_is_compared_with_its_own_control():
    values = {"real": [1, 2], "half": [2, 4], "other": [5, 6], "other-half": [6, 9]}
    controls = {"real": "real", "half": "real", "other": "other", "other-half": "other"}
    table = contrasts(scores(values), controls)
    assert table[["arm", "control", "difference"]].to_numpy().tolist() == [
        ["half", "real", 1.5],
        ["other-half", "other", 2.0],
    ]


def test_no_control_gives_no_rows():
    table = contrasts(scores({"half": [1, 2]}), {})
    assert table.empty
    assert {"arm", "control", "difference", "low", "high", "p_holm"} <= set(table)


def test_holm_multiplies_by_the_comparisons_that_are_left():
    assert holm(pd.Series([0.01, 0.04, 0.03, np.nan])).tolist() == pytest.approx(
        [0.03, 0.06, 0.06, np.nan], nan_ok=True
    )
    assert holm(pd.Series([0.5, 0.9])).tolist() == [1, 1]


def test_a_family_holds_all_arms_and_all_groups_of_a_metric_and_an_iteration():
    values = {"real": [1.0, 2, 4], "half": [1.5, 2.9, 4.4], "all": [2.5, 2.9, 5.2]}
    parts = [scores(values, group=group) for group in ("all", "age=old", "age=young")]
    table = contrasts(pd.concat([*parts, scores(values, metric="clip_score"), scores(values, iteration=2)]), CONTROLS)
    smallest = table.groupby(["iteration", "metric", "group"])[["p", "p_holm"]].min()
    ratios = (smallest["p_holm"] / smallest["p"]).to_dict()
    assert ratios[1, "frechet_distance", "all"] == ratios[2, "frechet_distance", "all"] == pytest.approx(2)
    assert ratios[1, "clip_score", "all"] == pytest.approx(2)
    assert ratios[1, "frechet_distance", "age=old"] == pytest.approx(4)


@pytest.fixture(scope="module", params=[2, 3, 6])
def simulated(request):
    """2,000 experiments of so many pairs, correlated by 0.93; three arms differ from the control by 0, 0.3 and 0.3."""
    rng = np.random.default_rng(0)
    tables = []
    shared = rng.normal(size=(2000, request.param))
    for arm, difference in {"real": 0, "same": 0, "half": 0.3, "all": 0.3}.items():
        own = difference + 0.93**0.5 * shared + 0.07**0.5 * rng.normal(size=shared.shape)
        index = pd.MultiIndex.from_product([range(2000), range(request.param)], names=["iteration", "replicate"])
        tables.append(pd.Series(own.ravel(), index, name="value").reset_index().assign(arm=arm))
    table = pd.concat(tables).assign(images="generated", group="all", features="fid", metric="frechet_distance")
    return contrasts(table, CONTROLS)


def test_intervals_of_a_known_difference_have_their_nominal_coverage(simulated):
    for arm, difference in {"same": 0, "half": 0.3, "all": 0.3}.items():
        own = simulated[simulated["arm"] == arm]
        assert 0.93 <= ((own["low"] <= difference) & (own["high"] >= difference)).mean() <= 0.97


def test_adjusted_p_values_call_an_arm_without_difference_different_in_one_of_20_experiments_at_most(simulated):
    same = simulated[simulated["arm"] == "same"]
    assert (same["p_holm"] < 0.05).mean() <= 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5
    assert (same["p_holm"] >= same["p"]).all()


def test_an_arm_is_worse_where_both_intervals_leave_0_on_the_worse_side():
    rows = [
        ("frechet_distance", 1, -1, 3), ("clip_score", 1, -3, -1),
        ("frechet_distance", 2, 1, 3), ("clip_score", 2, -3, -1),
        ("frechet_distance", 3, 1, 3), ("clip_score", 3, 1, 3),
        ("frechet_distance", 4, np.nan, np.nan), ("clip_score", 4, np.nan, np.nan),
        ("frechet_distance", 5, 1, 3),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["metric", "iteration", "low", "high"])
    assert worse(table).to_dict() == {1: False, 2: True, 3: False, 4: False}


def test_a_rank_correlation_has_spearmans_rho_an_interval_and_an_exact_p():
    shares, values = [0, 0.03, 0.1, 0.25, 0.5, 1], [1.1, 1.0, 1.2, 1.5, 1.4, 6]
    result = rank_correlation(shares, values)
    assert result.rho == pytest.approx(scipy.stats.spearmanr(shares, values).statistic)
    half = 1.959964 * np.sqrt((1 + result.rho**2 / 2) / 3)
    assert np.arctanh([result.low, result.high]) == pytest.approx(np.arctanh(result.rho) + np.array([-half, half]))
    perfect = rank_correlation(shares, sorted(values))
    assert perfect.rho == pytest.approx(1)
    assert perfect.p == pytest.approx(2 / 720), "of 720 orders, this one and its reverse"
    assert np.isnan([perfect.low, perfect.high]).all()


@pytest.mark.parametrize("shares", [[0, 0.5, 1], [1, 1, 1, 1]])
def test_a_rank_correlation_refuses_too_few_arms(shares):
    with pytest.raises(ValueError, match="4 arms at least and two different values"):
        rank_correlation(shares, range(len(shares)))
