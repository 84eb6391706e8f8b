"""Metrics of memorization against brute force, the formulas of dgm-eval, and sets that copy or do not."""

import numpy as np
import pytest
import scipy.stats

from scripts.lib.experiment.config.metrics import Metrics
from scripts.lib.metrics import copies, data_copying, nearest_training
from scripts.lib.metrics.authenticity import authenticity
from scripts.lib.metrics.nearest_training import nearest_training_gap
from scripts.lib.scoring.scores import absent, against_training
from tests.unit.test_metrics import grouped

cluster = pytest.importorskip("sklearn.cluster")


@pytest.fixture
def sets():
    """Training, held-out and generated images of one distribution: (80, 6), (70, 6) and (90, 6)."""
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=(n, 6)) for n in (80, 70, 90))


def of(features, network=""):
    return grouped(features, "a" * len(features))._replace(network=network)


def distance(a, b):
    return np.linalg.norm(a - b)


def test_authenticity_equals_its_definition(sets):
    training, _, images = sets
    authentic = []
    for image in images:
        nearest = min(range(len(training)), key=lambda row: distance(image, training[row]))
        own = min(distance(training[nearest], other) for row, other in enumerate(training) if row != nearest)
        authentic.append(own < distance(image, training[nearest]))
    assert authenticity(images, training) == pytest.approx(100 * np.mean(authentic))


def test_authenticity_of_copies_is_0_and_of_far_images_100(sets):
    training = sets[0]
    assert authenticity(training, training) == 0
    assert authenticity(training + 1e-6, training) == 0
    assert authenticity(training + 1e3, training) == 100


def test_the_gap_to_the_nearest_training_image_equals_its_definition(sets):
    training, held_out, images = sets
    rows = np.linspace(0, 79, 70).round().astype(int)
    gaps = [
        min(distance(image, other) for other in training[rows]) - min(distance(image, other) for other in held_out)
        for image in images
    ]
    assert nearest_training_gap(images, training, held_out) == pytest.approx(np.mean(gaps))


def test_the_gap_is_about_0_for_new_images_and_negative_for_copies():
    rng = np.random.default_rng(1)
    gaps = [nearest_training_gap(*(rng.normal(size=(60, 4)) for _ in range(3))) for _ in range(100)]
    assert abs(np.mean(gaps)) < 4 * np.std(gaps) / 10
    training, held_out = rng.normal(size=(2, 60, 4))
    assert nearest_training_gap(training + 0.01, training, held_out) < -0.5


def test_copies_are_the_share_above_a_similarity_beside_that_of_held_out_images(sets):
    training, held_out, images = sets

    def share(x):
        cosines = [max(a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in training) for a in x]
        return np.mean([cosine > 0.9 for cosine in cosines])

    found = copies.compute(of(images), training, of(held_out), copies.Settings(similarity=0.9))
    assert found == pytest.approx({"copies": share(images), "copies_background": share(held_out)})
    assert 0 < found["copies"] < 1
    assert copies.compute(of(images), training, None, copies.Settings()).keys() == {"copies"}


def c_t_of_dgm_eval(training, images, held_out, training_cells, image_cells, held_out_cells):
    """The formula of dgm-eval's ct.py, cell by cell."""
    scores, shares = [], []
    for cell in range(3):
        own = training[training_cells == cell]
        ours, theirs = (
            np.array([min(distance(row, other) for other in own) for row in rows[cells == cell]])
            for rows, cells in ((images, image_cells), (held_out, held_out_cells))
        )
        n, m = len(theirs), len(ours)
        u = scipy.stats.mannwhitneyu(ours, theirs, alternative="less").statistic
        if m / len(images) > 20 / len(images):
            scores.append((u - (n * m / 2 - 0.5)) / np.sqrt(n * m * (n + m + 1) / 12))
            shares.append(n / len(held_out))
    return np.dot(shares, scores) / np.sum(shares)


def test_data_copying_equals_dgm_eval_s_formula_in_given_cells(sets):
    training, held_out, images = sets
    clusters = cluster.KMeans(3, n_init=10, random_state=0).fit(training)
    cells = [clusters.predict(rows) for rows in (training, images, held_out)]
    found = data_copying.data_copying(training, images, held_out, *cells)
    assert found == pytest.approx(c_t_of_dgm_eval(training, images, held_out, *cells), rel=1e-9)


def test_the_cells_are_those_of_scikit_learn_s_means():
    rng = np.random.default_rng(2)
    rows = np.repeat(8 * rng.normal(size=(3, 5)), 40, axis=0) + rng.normal(size=(120, 5))
    ours = data_copying._cells(rows, rows)[0]
    theirs = cluster.KMeans(3, n_init=10, random_state=0).fit_predict(rows)
    assert len({*zip(ours, theirs, strict=True)}) == 3, "one name of ours for one of theirs"


def test_data_copying_is_a_z_score_for_new_images_and_far_below_0_for_copies():
    rng = np.random.default_rng(3)
    # Held-out images and new images are of one distribution, whatever the training images.
    scores = [
        data_copying.compute(of(new), training, of(held_out), data_copying.Settings())["data_copying"]
        for training, held_out, new in (rng.normal(size=(3, 150, 80)) for _ in range(30))
    ]
    assert abs(np.mean(scores)) < 4 * np.std(scores) / 30**0.5
    assert 0.2 < np.std(scores) < 1.2, "an average over cells deviates less than the z score of one"
    training, held_out = rng.normal(size=(2, 150, 80))
    copied = data_copying.compute(of(training + 0.01), training, of(held_out), data_copying.Settings())
    assert copied["data_copying"] < -5


def test_data_copying_needs_a_cell_of_more_than_20_images(sets):
    training, held_out, images = sets
    assert data_copying.compute(of(images[:20]), training, of(held_out), data_copying.Settings()) == {}


def test_without_a_held_out_reference_only_what_needs_none_is_computed(sets):
    training, held_out, images = sets
    spaces = {"dino": of(images, "dinov2"), "copy": of(images, "sscd")}
    features = dict.fromkeys(spaces, training)
    found = list(against_training(spaces, features, None, Metrics()))
    assert {(row.metric, row.features) for row in found} == {
        ("authenticity", "dino"),
        ("authenticity", "copy"),
        ("copies", "copy"),
    }
    missing = {(row.metric, row.features): row.reason for row in absent(found, spaces, {"training"})}
    assert missing["nearest_training_gap", "dino"] == "needs a held-out reference, and a finite value"
    assert missing["copies_background", "copy"].startswith("needs a space of `sscd`, and a held-out reference")
    assert ("copies", "dino") not in missing, "it is not for that space"
    whole = list(against_training(spaces, features, dict.fromkeys(spaces, of(held_out)), Metrics()))
    assert not absent(whole, spaces, {"training"})
    assert nearest_training.compute(of(images), training, None, nearest_training.Settings()) == {}
