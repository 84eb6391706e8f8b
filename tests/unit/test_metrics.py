"""Metrics against the public implementations that the field uses, and against their definitions."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import sqrtm

from scripts.lib.base.kinds import kinds
from scripts.lib.metrics import kernel_distance as kernel
from scripts.lib.metrics import within_prompt
from scripts.lib.metrics.clip_score import clip_scores
from scripts.lib.metrics.frechet_distance import frechet_distance
from scripts.lib.metrics.gaussian_mmd import gaussian_mmd
from scripts.lib.metrics.kernel_distance import kernel_distance
from scripts.lib.metrics.metric import Embedded
from scripts.lib.metrics.mind import mind
from scripts.lib.metrics.neighbors import precision_recall_density_coverage
from scripts.lib.metrics.vendi_score import vendi_score


@pytest.fixture
def pair():
    """Two samples of correlated features with different means and covariances: (200, 12) and (150, 12)."""
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(12, 12))
    return rng.normal(size=(200, 12)) @ mix, 1.3 * rng.normal(size=(150, 12)) @ mix + 0.4


def by_definition(x, y):
    first, second = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = sqrtm(first @ second).real
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)


def by_torch_fidelity(x, y):
    metric = pytest.importorskip("torch_fidelity.metric_fid")
    first, second = ({"mu": z.mean(0), "sigma": np.cov(z, rowvar=False)} for z in (x, y))
    return metric.fid_statistics_to_metric(first, second, verbose=False)["frechet_inception_distance"]


def by_pytorch_fid(x, y):
    metric = pytest.importorskip("pytorch_fid.fid_score")
    return metric.calculate_frechet_distance(*(f(z) for z in (x, y) for f in (mean, covariance)))


def by_clean_fid(x, y):
    return pytest.importorskip("cleanfid.fid").fid_from_feats(x, y)


def by_torchmetrics(x, y):
    import torch

    module = pytest.importorskip("torchmetrics.image.fid")
    return float(module._compute_fid(*(torch.from_numpy(f(z)) for z in (x, y) for f in (mean, covariance))))


def mean(x):
    return x.mean(0)


def covariance(x):
    return np.cov(x, rowvar=False)


@pytest.mark.parametrize("reference", [by_definition, by_torchmetrics, by_torch_fidelity, by_pytorch_fid, by_clean_fid])
def test_frechet_distance_equals_other_implementations(pair, reference):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        expected = reference(*pair)
    assert frechet_distance(*pair) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_of_fewer_samples_than_features_is_that_of_the_singular_covariances():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(10, 40)), rng.normal(size=(7, 40)) + 0.2
    values = np.linalg.eigvals(covariance(x) @ covariance(y))
    cross = np.sqrt(values.real.clip(0)).sum()
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(covariance(x)) + np.trace(covariance(y)) - 2 * cross
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_of_shifted_samples_is_the_squared_shift(pair):
    assert frechet_distance(pair[0], pair[0] + 0.5) == pytest.approx(12 * 0.25, rel=1e-9)


@pytest.mark.parametrize("n", [200, 5])
def test_frechet_distance_to_itself_is_zero_and_symmetric(pair, n):
    x, y = (z[:n] for z in pair)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9 * (x**2).sum() / n)
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x), rel=1e-9)


def test_frechet_distance_of_float32_features_is_computed_in_float64(pair):
    x, y = (z.astype(np.float32) for z in pair)
    assert frechet_distance(x, y) == frechet_distance(x.astype(np.float64), y.astype(np.float64))


def test_frechet_distance_refuses_one_sample(pair):
    with pytest.raises(ValueError, match="two samples"):
        frechet_distance(pair[0][:1], pair[1])


def one_group(x, y):
    return kernel_distance(x, y, np.zeros(len(x)), np.zeros(len(y)))


def test_kernel_distance_equals_its_definition(pair):
    x, y = pair[0][:9], pair[1][:7]

    def kernel(a, b):
        return (a @ b / 12 + 1) ** 3

    within = [
        np.mean([kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j])  # unbiased: no pair (i, i)
        for z in (x, y)
    ]
    between = np.mean([kernel(a, b) for a in x for b in y])
    assert one_group(x, y) == pytest.approx(sum(within) - 2 * between, rel=1e-9)


def test_kernel_distance_equals_torch_fidelity(pair):
    metric = pytest.importorskip("torch_fidelity.metric_kid")
    x, y = (z[:150] for z in pair)
    options = {"kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None}
    expected = metric.kernel_mmd(x, y, **options, kid_kernel_poly_coef0=1)
    assert one_group(x, y) == pytest.approx(float(expected), rel=1e-9)


def test_kernel_distance_equals_torchmetrics(pair):
    import torch

    module = pytest.importorskip("torchmetrics.image.kid")
    x, y = (z[:150] for z in pair)
    assert one_group(x, y) == pytest.approx(float(module.poly_mmd(*map(torch.from_numpy, (x, y)))), rel=1e-9)


def test_kernel_distance_of_groups_equals_its_definition(pair):
    x, y = pair[0][:9], pair[1][:7]
    ours, theirs = np.repeat(["a", "b", "c"], [4, 3, 2]), np.repeat(["a", "b"], [5, 2])

    def mean_kernel(v, v_groups, w, w_groups):
        """Average over the pairs of groups by their shares, and over the pairs of different samples of two groups."""
        total = 0.0
        for a in set(v_groups):
            for b in set(w_groups):
                rows, columns = np.flatnonzero(v_groups == a), np.flatnonzero(w_groups == b)
                values = [(v[i] @ w[j] / 12 + 1) ** 3 for i in rows for j in columns if v is not w or i != j]
                total += len(rows) / len(v) * len(columns) / len(w) * np.mean(values)
        return total

    expected = mean_kernel(x, ours, x, ours) + mean_kernel(y, theirs, y, theirs) - 2 * mean_kernel(x, ours, y, theirs)
    assert kernel_distance(x, y, ours, theirs) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("sizes", [[10] * 6, [30] * 3, [2] * 12, [20, 10, 5, 2]], ids=str)
def test_kernel_distance_of_sets_with_fixed_counts_of_each_group_has_no_bias(sizes):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    centers = rng.normal(size=(len(sizes), 16))
    pairs = [tuple(centers[groups] + rng.normal(size=(2, len(groups), 16))) for _ in range(400)]
    floors = np.array([(kernel_distance(x, y, groups, groups), one_group(x, y)) for x, y in pairs])
    stratified, over_all_pairs = floors.mean(0) / (floors.std(0, ddof=1) / len(pairs) ** 0.5)
    assert abs(stratified) < 4, "standard errors from 0"
    assert over_all_pairs < -6, "the estimator for independent samples is too low here: the test can tell them apart"


def test_kernel_distance_refuses_a_group_of_one_sample(pair):
    x, y = pair[0][:3], pair[1][:3]
    with pytest.raises(ValueError, match="two samples of each group at least; 'b' has one"):
        kernel_distance(x, y, np.array(["a", "a", "b"]), np.array(["a", "a", "a"]))


def test_groups_of_one_image_are_left_out_of_the_kernel_distance(pair):
    x, y = pair[0][:6], pair[1][:6]
    ours, theirs = grouped(x, "aabbbc"), grouped(y, "aaabcc")
    expected = one_group(x[:2], y[:3])
    assert kernel.compute(ours, theirs, kernel.Settings()) == {"kernel_distance": pytest.approx(expected)}
    assert kernel.compute(grouped(x, "abcdef"), theirs, kernel.Settings()) == {}


def test_precision_recall_density_coverage_equal_prdc(pair):
    prdc = pytest.importorskip("prdc")
    real, generated = pair[0], pair[1] * 0.7
    expected = prdc.compute_prdc(real, generated, nearest_k=5)
    assert all(value > 0 for value in expected.values()), "a comparison of zeros would show nothing"
    assert precision_recall_density_coverage(real, generated, 5) == pytest.approx(expected, rel=1e-12)


def test_precision_and_recall_tell_a_collapsed_set_from_a_noisy_one():
    rng = np.random.default_rng(2)
    real = rng.normal(size=(300, 2))
    collapsed = precision_recall_density_coverage(real, rng.normal(size=(300, 2)) * 0.05, 5)
    noisy = precision_recall_density_coverage(real, rng.normal(size=(300, 2)) * 5, 5)
    assert collapsed["precision"] > 0.95 > 0.3 > collapsed["recall"]
    assert noisy["recall"] > 0.9 > 0.5 > noisy["precision"]
    assert collapsed["coverage"] < 0.3


def test_precision_refuses_more_neighbors_than_samples(pair):
    with pytest.raises(ValueError, match="neighbors"):
        precision_recall_density_coverage(pair[0][:5], pair[1], 5)


@pytest.mark.parametrize("shape", [(8, 40), (60, 5)], ids=["fewer samples than features", "more"])
def test_vendi_score_equals_its_definition(shape):
    x = np.random.default_rng(3).normal(size=shape) + 1
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(unit @ unit.T / len(x))
    values = values[values > 1e-14]
    assert vendi_score(x) == pytest.approx(np.exp(-(values * np.log(values)).sum()), rel=1e-6)


@pytest.mark.parametrize("shape", [(8, 40), (60, 5)], ids=["fewer samples than features", "more"])
def test_vendi_score_equals_the_authors_package(shape):
    vendi = pytest.importorskip("vendi_score.vendi")
    x = np.random.default_rng(4).normal(size=shape) + 1
    assert vendi_score(x) == pytest.approx(vendi.score_dual(x), rel=1e-6)


def test_vendi_score_of_identical_samples_is_one_and_of_orthogonal_ones_their_number():
    assert vendi_score(np.tile(np.arange(1.0, 6.0), (30, 1))) == pytest.approx(1)
    assert vendi_score(7 * np.eye(6, 9)) == pytest.approx(6)
    assert vendi_score(np.repeat(np.eye(3), 20, axis=0)) == pytest.approx(3)


def test_clip_scores_are_a_hundred_times_the_cosine_of_each_pair():
    images, texts = np.array([[3.0, 0], [1, 1], [0, 2]]), np.array([[5.0, 0], [1, 0], [0, -1]])
    assert clip_scores(images, texts) == pytest.approx([100, 100 / np.sqrt(2), -100])


def test_gaussian_mmd_equals_its_definition():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(9, 6)) + 1, rng.normal(size=(7, 6)) + 0.5
    units = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y)]

    def kernel(a, b):
        return np.exp(-((a - b) ** 2).sum() / (2 * 0.5**2))

    within = [np.mean([kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j]) for z in units]
    between = np.mean([kernel(a, b) for a in units[0] for b in units[1]])
    ours = gaussian_mmd(x, y, np.zeros(9), np.zeros(7), bandwidth=0.5)
    assert ours == pytest.approx(1000 * (sum(within) - 2 * between), rel=1e-9)


def test_gaussian_mmd_is_the_cmmd_without_the_pairs_of_an_image_with_itself():
    """The CMMD of google-research is the V-statistic: each image is paired with itself too, of kernel 1."""
    rng = np.random.default_rng(6)
    x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (rng.normal(size=(40, 8)), rng.normal(size=(40, 8))))
    gamma, n = 1 / (2 * 10**2), 40
    means = [np.exp(-gamma * ((a[:, None] - b) ** 2).sum(-1)).mean() for a, b in ((x, x), (y, y), (x, y))]
    published = 1000 * (means[0] + means[1] - 2 * means[2])
    without_itself = [(mean * n**2 - n) / (n * (n - 1)) for mean in means[:2]]
    expected = 1000 * (sum(without_itself) - 2 * means[2])
    ours = gaussian_mmd(x, y, np.zeros(n), np.zeros(n))
    assert ours == pytest.approx(expected, rel=1e-9)
    assert ours < published


def test_gaussian_mmd_at_the_cmmd_s_bandwidth_sees_means_and_no_loss_of_diversity():
    """What the metric's reading warns of: the kernel is nearly linear, so that it compares little but the means."""
    rng = np.random.default_rng(7)
    group = np.repeat(np.arange(30), 30)
    image = rng.normal(size=(30, 64))[group] + rng.normal(size=(2, 900, 64))
    real, collapsed = image[0], np.repeat(image[1][::30], 30, axis=0)  # One image of each group, thirty times.
    units = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (real, collapsed)]
    # V-statistics, since copies of one image are no independent samples.
    narrow, wide = (
        1000 * (kernel(units[0], units[0]) + kernel(units[1], units[1]) - 2 * kernel(*units)).mean()
        for kernel in (lambda a, b: np.exp(-2 * (2 - 2 * a @ b.T)), lambda a, b: np.exp(-0.005 * (2 - 2 * a @ b.T)))
    )
    means = 10 * ((units[0].mean(0) - units[1].mean(0)) ** 2).sum()
    assert wide == pytest.approx(means, rel=0.02)
    assert narrow > 50 * wide


def test_mind_equals_torch_fidelity_s_formula(pair):
    """Its release 0.4.0 does not have MIND yet: this is the formula of its metric_mind.py, in its float32."""
    import torch

    x, y = (z[:150] for z in pair)
    units = np.random.default_rng(0).normal(size=(12, 50))
    directions = torch.from_numpy(units / np.linalg.norm(units, axis=0)).float()
    first, second = ((torch.from_numpy(z).float() @ directions).sort(dim=0).values for z in (x, y))
    expected = 3 * 12 * ((first - second) ** 2).mean(dim=0).mean()
    assert mind(x, y, 50) == pytest.approx(float(expected), rel=1e-5)


def test_mind_is_the_wasserstein_distance_on_each_direction(pair):
    from scipy.optimize import linear_sum_assignment

    x, y = (z[:20] for z in pair)
    units = np.random.default_rng(0).normal(size=(12, 3))
    units /= np.linalg.norm(units, axis=0)
    optimal = []
    for unit in units.T:
        cost = ((x @ unit)[:, None] - y @ unit) ** 2
        optimal.append(cost[linear_sum_assignment(cost)].mean())
    assert mind(x, y, 3) == pytest.approx(36 * np.mean(optimal), rel=1e-9)


def test_mind_of_a_shift_is_three_times_its_square_and_of_a_permutation_zero(pair):
    x = pair[0]
    assert mind(x, x + 0.5, 20_000) == pytest.approx(3 * 12 * 0.25, rel=0.02)
    assert mind(x, x[::-1]) == pytest.approx(0, abs=1e-20)
    with pytest.raises(ValueError, match="one size"):
        mind(x, pair[1])


def grouped(features, groups):
    table = pd.DataFrame({"group": list(groups)})
    return Embedded(table, features, features, features, fits=pd.DataFrame({"gender": table["group"] == "a"}))


def test_diversity_within_a_prompt_is_the_mean_over_its_groups(pair):
    x, groups = pair[0][:9], "aaabbbbbc"
    found = within_prompt.compute(grouped(x, groups), within_prompt.Settings())
    of_a, of_b = (np.mean([np.linalg.norm(u - v) for i, u in enumerate(z) for v in z[:i]]) for z in (x[:3], x[3:8]))
    assert found == {
        "vendi_within_prompt": pytest.approx((vendi_score(x[:3]) + vendi_score(x[3:8])) / 2),
        "distance_within_prompt": pytest.approx((of_a + of_b) / 2),
    }
    assert within_prompt.compute(grouped(x, "abcdefghi"), within_prompt.Settings()) == {}


def test_diversity_within_a_prompt_sees_what_the_whole_set_s_does_not():
    """Every group is one image, repeated: the set keeps the diversity of its groups."""
    rng = np.random.default_rng(8)
    groups = np.repeat(np.arange(10), 20)
    centers = 2 * rng.normal(size=(10, 32))[groups]
    real, collapsed = centers + rng.normal(size=(200, 32)), centers
    whole = vendi_score(collapsed) / vendi_score(real)
    within = [
        within_prompt.compute(grouped(z, groups), within_prompt.Settings())["vendi_within_prompt"]
        for z in (collapsed, real)
    ]
    assert whole > 0.5
    assert within[0] == pytest.approx(1)
    assert within[1] > 2


def random(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) + 1


# Features of the images and of the reference, and the group of each: what a set can be like.
EDGES = {
    "one image": (random(1, 6), random(1, 6, 1), "a"),
    "two images": (random(2, 6), random(2, 6, 1), "aa"),
    "two images of two groups": (random(2, 6), random(2, 6, 1), "ab"),
    "a group of one image": (random(12, 4), random(12, 4, 1), "aaaaaabbbbbc"),
    "identical sets": (random(12, 4), random(12, 4), "aaaaaabbbbbb"),
    "duplicated rows": (random(3, 4)[np.repeat([0, 1, 2], 4)], random(12, 4, 1), "aaaaaabbbbbb"),
    "one image repeated": (np.tile(random(1, 4), (12, 1)), np.tile(random(1, 4), (12, 1)), "aaaaaabbbbbb"),
    "constant features": (np.ones((12, 4)), np.full((12, 4), 2.0), "aaaaaabbbbbb"),
    "half of the features constant": (random(12, 4) * [1, 1, 0, 0], random(12, 4, 1) * [1, 1, 0, 0], "aaaaaabbbbbb"),
    "more features than images": (random(12, 40), random(12, 40, 1), "aaaaaabbbbbb"),
    "more images than features": (random(60, 2), random(60, 2, 1), "a" * 30 + "b" * 30),
}


def computed(kind, x, y, groups, *, whole=True):
    images, reference = grouped(x, groups), grouped(y, groups)
    if kind.AGAINST == "training":
        return kind.compute(images, reference.features, images, kind.Settings())
    if kind.AGAINST == "model":
        return kind.compute(np.abs(y[:, 0]), kind.Settings())
    if kind.AGAINST == "reference":
        return kind.compute(images, reference, kind.Settings(), whole=whole)
    return kind.compute(images, kind.Settings())


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("name", kinds("metrics"))
@pytest.mark.filterwarnings("error")
def test_a_metric_is_a_number_or_absent_whatever_the_set(name, edge):
    kind, (x, y, groups) = kinds("metrics")[name], EDGES[edge]
    for dtype in (np.float64, np.float32, np.float16):
        a, b = x.astype(dtype), y.astype(dtype)
        for whole in (True, False):
            found = computed(kind, a, b, groups, whole=whole)
            assert found.keys() <= kind.METRICS.keys()
            assert all(type(value) is float and np.isfinite(value) for value in found.values()), found
        # Narrow types are read, and not computed in: the same numbers in float64 give the same values.
        assert computed(kind, a.astype(np.float64), b.astype(np.float64), groups) == computed(kind, a, b, groups)
    if len(x) >= 12:
        few = {"frechet_distance": not whole, "data_copying": len(x) < 60, "watermark": True}  # Nothing is marked.
        assert set(found) == set(kind.METRICS) or few.get(name), "enough images for all"


@pytest.mark.parametrize(
    ("metric", "value"),
    [("frechet_distance", 0), ("mind", 0), ("precision", 1), ("recall", 1), ("coverage", 1)],
)
def test_a_set_beside_itself_has_the_best_score(metric, value):
    kind = next(kind for kind in kinds("metrics").values() if metric in kind.METRICS)
    assert computed(kind, *EDGES["identical sets"])[metric] == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("metric", ["kernel_distance", "gaussian_mmd"])
def test_an_unbiased_distance_of_a_set_to_itself_is_negative(metric):
    """An image is paired with itself between the sets, and not within a set: two equal sets are no independent ones."""
    kind = kinds("metrics")[metric]
    assert computed(kind, *EDGES["identical sets"])[metric] < 0
    assert computed(kind, *EDGES["one image repeated"])[metric] == pytest.approx(0, abs=1e-9)
