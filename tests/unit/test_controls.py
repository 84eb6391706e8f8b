"""Color matching and culling."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import sqrtm
from scipy.stats import entropy
from skimage.color import rgb2ycbcr, ycbcr2rgb
from skimage.exposure import match_histograms

from scripts.lib.curation import controls

MATCHING: dict[str, Any] = {"bins": 256, "pseudo_count": 1e-6, "divergence": "generated_real"}


def test_histograms_count_every_pixel_of_every_channel():
    extremes = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]]], np.uint8)[None]
    assert controls.histograms(extremes, bins=16, pseudo_count=1e-12) * 4 == pytest.approx(
        np.stack([[np.histogram(channel, 16, (16, 240))[0] for channel in rgb2ycbcr(extremes[0]).transpose(2, 0, 1)]])
    )


@pytest.mark.parametrize("error", [1e-13, -1e-13])
def test_the_last_bits_of_a_processor_move_no_pixel_to_another_bin(monkeypatch, error):
    greys = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, -1)
    expected = controls.histograms(greys, 256, 1e-6)
    monkeypatch.setattr(controls, "rgb2ycbcr", lambda image: rgb2ycbcr(image) + error)
    assert (controls.histograms(greys, 256, 1e-6) == expected).all()


def test_divergences_equal_scipy_entropy_averaged_over_channels(images):
    generated, real = (controls.histograms(part, 256, 1e-6) for part in (images[:3], images[3:]))
    expected = [[np.mean([entropy(g[c], r[c]) for c in range(3)]) for r in real] for g in generated]
    assert controls.divergences(generated, real) == pytest.approx(np.array(expected), rel=1e-9)


@pytest.mark.parametrize("divergence", ["generated_real", "real_generated"])
def test_matching_takes_the_real_image_of_least_divergence(images, divergence):
    generated, real = images[:3], images[3:]
    ours, theirs = (controls.histograms(part, 16, 1e-3) for part in (generated, real))
    ordered = (lambda g, r: (g, r)) if divergence == "generated_real" else (lambda g, r: (r, g))
    table = [[sum(entropy(*ordered(g[c], r[c])) for c in range(3)) for r in theirs] for g in ours]
    _, nearest = controls.match_to_real(generated, real, bins=16, pseudo_count=1e-3, divergence=divergence)
    assert nearest.tolist() == np.argmin(table, 1).tolist()


def test_matching_within_the_group_takes_its_nearest_image(images):
    generated, real = images[:3], images[3:]
    groups = np.array(["b", "a", "b"]), np.resize(["a", "b"], len(real))
    _, nearest = controls.match_to_real(generated, real, groups=groups, **MATCHING)
    assert (groups[1][nearest] == groups[0]).all()
    for image, group, index in zip(generated, groups[0], nearest, strict=True):
        own = np.flatnonzero(groups[1] == group)
        _, among = controls.match_to_real(image[None], real[own], **MATCHING)
        assert own[among[0]] == index


def test_a_group_without_a_real_image_is_named(images):
    groups = np.array(["a", "a", "c"]), np.resize(["a"], len(images) - 3)
    with pytest.raises(ValueError, match="group c: no real image"):
        controls.match_to_real(images[:3], images[3:], groups=groups, **MATCHING)


def test_matching_equals_scikit_image_on_the_chosen_image(images):
    generated, real = images[:3], images[3:]
    matched, nearest = controls.match_to_real(generated, real, **MATCHING)
    for image, result, index in zip(generated, matched, nearest, strict=True):
        ours, theirs = (rgb2ycbcr(part).round(9) for part in (image, real[index]))
        expected = match_histograms(ours, theirs, channel_axis=-1)
        assert (result == np.rint(ycbcr2rgb(expected).clip(0, 1) * 255)).all()
    assert (matched != generated).any()


def test_the_last_bits_of_a_processor_change_no_matched_pixel(monkeypatch, images):
    rng = np.random.default_rng(0)
    flat = images // 64 * 64  # few colors, many pixels of each: where two parted values of one chroma matter
    expected, _ = controls.match_to_real(flat[:3], flat[3:], **MATCHING)
    monkeypatch.setattr(controls, "rgb2ycbcr", lambda image: rgb2ycbcr(image) + rng.uniform(-1e-13, 1e-13, image.shape))
    matched, _ = controls.match_to_real(flat[:3], flat[3:], **MATCHING)
    assert (matched == expected).all()


def test_matching_gives_an_image_the_colors_of_the_chosen_one(images):
    matched, nearest = controls.match_to_real(images[:3], images[3:], **MATCHING)
    ours, theirs = (rgb2ycbcr(part).reshape(3, -1, 3).mean(1) for part in (matched, images[3:][nearest]))
    assert ours == pytest.approx(theirs, abs=2.5)  # of 220 levels; colors outside RGB are clipped


def test_five_rounds_of_matching_images_to_themselves_change_no_pixel(images):
    current = images
    for _ in range(5):
        current, nearest = controls.match_to_real(current, images, **MATCHING)
        assert nearest.tolist() == list(range(len(images)))
    assert (current == images).all()


@pytest.mark.parametrize("positions", [50, 6], ids=["regular", "fewer positions than channels"])
def test_single_image_distance_is_the_frechet_distance_of_the_positions_of_two_maps(positions):
    rng = np.random.default_rng(0)
    generated, real = rng.gamma(2, size=(3, positions, 8)), rng.gamma(3, size=(3, positions, 8))
    expected = []
    for a, b in zip(generated, real, strict=True):
        first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sqrtm warns of singular matrices
            cross = np.trace(sqrtm(first @ second)).real
        expected.append(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * cross)
    assert controls.single_image_distances(generated, real, np.asarray, batch_size=2) == pytest.approx(
        np.array(expected), rel=1e-6 if positions > 8 else 1e-4
    )


def test_single_image_distance_is_invariant_to_where_things_are_and_zero_for_the_same_image():
    rng = np.random.default_rng(1)
    maps = rng.normal(size=(2, 40, 5))
    assert controls.single_image_distances(maps, maps[:, ::-1], np.asarray, batch_size=1) == pytest.approx(0, abs=1e-9)


@pytest.fixture
def distances():
    """Three groups: most pass, none passes, all pass; a threshold of 1 and one image exactly at it."""
    return pd.DataFrame(
        {
            "file_name": [f"{group}-{i}.png" for group in "xyz" for i in range(4)],
            "group": list("xxxxyyyyzzzz"),
            "distance": [0.2, 1.0, 1.01, 5, 3, 2, 4, 5, 0.1, 0.2, 0.3, 0.4],
        }
    )


def cull(distances, **options):
    defaults: dict[str, Any] = {"on_reject": "replace", "shortfall": "keep_best", "seed": 0}
    return controls.cull(distances, 1.0, **defaults | options)


def test_culling_accepts_up_to_the_threshold_and_keeps_the_order_of_the_slots(distances):
    table = cull(distances.iloc[::-1], shortfall="drop").iloc[::-1]
    assert table["slot"].tolist() == distances["file_name"].tolist()
    assert table["accepted"].tolist() == [True, True, False, False] + [False] * 4 + [True] * 4
    assert (table["threshold"] == 1).all()
    assert table["distance"].tolist() == distances["distance"].tolist()


def test_accepted_images_stay_in_their_own_slots(distances):
    table = cull(distances)
    kept = table[table["accepted"]]
    assert (kept["file_name"] == kept["slot"]).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_replacement_is_an_accepted_image_of_the_same_group(distances, seed):
    table = cull(distances, seed=seed)
    accepted = {group: set(rows.loc[rows["accepted"], "slot"]) for group, rows in table.groupby("group")}
    assert all(row.file_name in accepted[row.group] for row in table.itertuples())


def test_replacements_depend_on_the_seed_and_on_nothing_else(distances):
    results = {tuple(cull(distances, seed=seed)["file_name"]) for seed in range(10)}
    assert len(results) > 1
    assert cull(distances, seed=3).equals(cull(distances, seed=3))
    alone = cull(distances[distances["group"] == "x"], seed=3)
    assert alone["file_name"].tolist() == cull(distances, seed=3)["file_name"].tolist()[:4]


def test_dropping_leaves_the_slots_of_rejected_images_empty(distances):
    table = cull(distances, on_reject="drop", shortfall="drop")
    assert (table["file_name"] == "").tolist() == (~table["accepted"]).tolist()


def test_a_group_without_accepted_images_keeps_its_nearest_one(distances):
    replaced = cull(distances).query("group == 'y'")
    assert replaced["file_name"].tolist() == ["y-1.png"] * 4
    assert replaced["accepted"].tolist() == [False, True, False, False]
    dropped = cull(distances, on_reject="drop").query("group == 'y'")
    assert dropped["file_name"].tolist() == ["", "y-1.png", "", ""]


def test_a_group_without_accepted_images_can_be_left_out(distances):
    table = cull(distances, shortfall="drop")
    assert (table.query("group == 'y'")["file_name"] == "").all()
    assert (table.query("group != 'y'")["file_name"] != "").all()


def test_a_group_without_accepted_images_can_be_an_error(distances):
    with pytest.raises(ValueError, match=r"group y: no generated image is within 1; see cull\.shortfall"):
        cull(distances, shortfall="error")
