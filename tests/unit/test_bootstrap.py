"""The bootstrap over images: resamples are what a loop would compute, and intervals have their nominal coverage."""

import numpy as np
import pytest
from scipy.special import stdtrit

from scripts.lib.base.kinds import kinds
from scripts.lib.metrics.metric import Metric
from scripts.lib.scoring.bootstrap import Resampling, compute, draw_counts, interval, resampled
from tests.unit.test_metrics import EDGES, grouped, random

FEW = Resampling(3, 0)
SETS = EDGES | {"of a usual size": (random(60, 8), random(60, 8, 1), "a" * 20 + "b" * 40)}


def take(embedded, row):
    return embedded.take(np.repeat(np.arange(len(row)), row))


RESAMPLED = [name for name, kind in kinds("metrics").items() if kind.AGAINST in ("nothing", "reference")]


@pytest.mark.parametrize("edge", SETS)
@pytest.mark.parametrize("name", RESAMPLED)
def test_resamples_are_scored_as_sets_of_their_images_are(name, edge):
    kind, (x, y, groups) = kinds("metrics")[name], SETS[edge]
    images = grouped(x.astype(np.float32), groups)
    reference = grouped(y.astype(np.float32), groups) if kind.AGAINST == "reference" else None
    for whole in (True, False):
        expected = [
            compute(kind, take(images, row), reference, kind.Settings(), whole=whole)
            for row in draw_counts(images.metadata["group"].to_numpy(), FEW)
        ]
        found = resampled(kind, images, reference, kind.Settings(), FEW, whole=whole)
        assert all(found.keys() == values.keys() for values in expected)
        for metric, values in found.items():
            assert values == pytest.approx([one[metric] for one in expected], rel=1e-5, abs=1e-6), metric


def test_a_kind_without_resamples_of_its_own_is_computed_set_by_set(monkeypatch):
    kind, (x, y, groups) = kinds("metrics")["mind"], SETS["of a usual size"]
    images, reference = grouped(x, groups), grouped(y, groups)
    at_once = resampled(kind, images, reference, kind.Settings(), FEW, whole=True)
    monkeypatch.delattr(kind, "resampled")
    one_by_one = resampled(kind, images, reference, kind.Settings(), FEW, whole=True)
    assert one_by_one["mind"] == pytest.approx(at_once["mind"])


def test_a_resample_has_as_many_images_of_each_group():
    groups = np.array(list("aabbbcaa"))
    counts = draw_counts(groups, Resampling(500, 3))
    for name, size in (("a", 4), ("b", 3), ("c", 1)):
        assert (counts[:, groups == name].sum(1) == size).all()
    assert counts.mean(0) == pytest.approx(1, abs=0.15)
    assert (counts == draw_counts(groups, Resampling(500, 3))).all()
    assert (counts != draw_counts(groups, Resampling(500, 4))).any()


def test_an_interval_of_a_distance_stays_above_0_and_is_around_the_score():
    values, groups = np.linspace(3, 5, 401), np.array(list("aab") * 20)
    half = stdtrit(58, 0.975) * values.std(ddof=1) * np.sqrt(60 / 58)
    ratio, plain = Metric("", "", True, (0, None)), Metric("", "", True)
    ends = (0.4 * np.exp(-half / 0.4), 0.4 * np.exp(half / 0.4))
    assert interval(ratio, 0.4, values, groups) == pytest.approx(ends)
    share = Metric("", "", True, (0, 1.03))
    assert interval(ratio, 1e-9, values, groups) == pytest.approx((0, half)), "no logarithm of almost nothing"
    assert interval(ratio, 0.0, np.zeros(40), groups) == (0, 0)
    assert interval(share, 0.9, values, groups) == pytest.approx((0, 1))
    assert interval(share, 0.5, 0.4 + values / 100, groups) == pytest.approx((0.5 - half / 100, 0.5 + half / 100))
    assert interval(plain, 0.4, values, groups) == pytest.approx((0.4 - half, 0.4 + half))
    assert interval(plain, 0.4, values, np.array(list("abc"))) is None, "resamples of single images are all the same"


@pytest.mark.parametrize(
    ("metric", "sizes"), [("frechet_distance", 6), ("frechet_distance", 30), ("kernel_distance", 30)]
)
def test_intervals_over_images_cover_the_score_that_the_model_has_at_this_n(metric, sizes):
    """Of 2,000 small sets of one model, 95 % of the intervals contain the mean score of such sets."""
    rng, kind = np.random.default_rng(0), kinds("metrics")[metric]
    groups = np.repeat(list("abc") if sizes == 30 else list("abcdefghij"), sizes)
    centers = {name: rng.normal(size=8) for name in groups}
    places = np.stack([centers[name] for name in groups])
    reference = grouped(places + rng.normal(size=places.shape), groups)
    sets = [grouped(places + 1.2 * rng.normal(size=places.shape) + 0.5, groups) for _ in range(2000)]
    scores = [kind.compute(one, reference, kind.Settings(), whole=True)[metric] for one in sets]
    covered = []
    for number, (one, score) in enumerate(zip(sets, scores, strict=True)):
        values = resampled(kind, one, reference, kind.Settings(), Resampling(100, number), whole=True)[metric]
        found = interval(kind.METRICS[metric], score, values, groups)
        assert found is not None
        covered.append(found.low <= np.mean(scores) <= found.high)
    assert 0.93 <= np.mean(covered) <= 0.97
