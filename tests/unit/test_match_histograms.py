"""The color control: histograms, divergences, matched images, and the step that rewrites candidates."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import skimage.color
from scipy.stats import entropy
from skimage.color import rgb2ycbcr, ycbcr2rgb
from skimage.exposure import match_histograms as matched_by_skimage

from scripts.lib.base import imageset
from scripts.lib.curation import candidates, match_histograms
from scripts.lib.curation.candidates import Inputs

MATCHING: dict[str, Any] = {"bins": 256, "pseudo_count": 1e-6, "divergence": "generated_real"}


def test_histograms_count_every_pixel_of_every_channel():
    extremes = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]]], np.uint8)[None]
    assert match_histograms.histograms(extremes, bins=16, pseudo_count=1e-12) * 4 == pytest.approx(
        np.stack([[np.histogram(channel, 16, (16, 240))[0] for channel in rgb2ycbcr(extremes[0]).transpose(2, 0, 1)]])
    )


@pytest.mark.parametrize("error", [1e-13, -1e-13])
def test_the_last_bits_of_a_processor_move_no_pixel_to_another_bin(monkeypatch, error):
    grays = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, -1)
    expected = match_histograms.histograms(grays, 256, 1e-6)
    monkeypatch.setattr(skimage.color, "rgb2ycbcr", lambda image: rgb2ycbcr(image) + error)
    assert (match_histograms.histograms(grays, 256, 1e-6) == expected).all()


def test_divergences_equal_scipy_entropy_averaged_over_channels(images):
    generated, real = (match_histograms.histograms(part, 256, 1e-6) for part in (images[:3], images[3:]))
    expected = [[np.mean([entropy(g[c], r[c]) for c in range(3)]) for r in real] for g in generated]
    assert match_histograms.divergences(generated, real) == pytest.approx(np.array(expected), rel=1e-9)


@pytest.mark.parametrize("divergence", ["generated_real", "real_generated"])
def test_matching_takes_the_real_image_of_least_divergence(images, divergence):
    generated, real = images[:3], images[3:]
    ours, theirs = (match_histograms.histograms(part, 16, 1e-3) for part in (generated, real))
    ordered = (lambda g, r: (g, r)) if divergence == "generated_real" else (lambda g, r: (r, g))
    table = [[sum(entropy(*ordered(g[c], r[c])) for c in range(3)) for r in theirs] for g in ours]
    _, nearest = match_histograms.match_to_real(generated, real, bins=16, pseudo_count=1e-3, divergence=divergence)
    assert nearest.tolist() == np.argmin(table, 1).tolist()


def test_matching_within_the_group_takes_its_nearest_image(images):
    generated, real = images[:3], images[3:]
    groups = np.array(["b", "a", "b"]), np.resize(["a", "b"], len(real))
    _, nearest = match_histograms.match_to_real(generated, real, groups=groups, **MATCHING)
    assert (groups[1][nearest] == groups[0]).all()
    for image, group, index in zip(generated, groups[0], nearest, strict=True):
        own = np.flatnonzero(groups[1] == group)
        _, among = match_histograms.match_to_real(image[None], real[own], **MATCHING)
        assert own[among[0]] == index


def test_a_group_without_a_real_image_is_named(images):
    groups = np.array(["a", "a", "c"]), np.resize(["a"], len(images) - 3)
    with pytest.raises(ValueError, match="group c: no real image"):
        match_histograms.match_to_real(images[:3], images[3:], groups=groups, **MATCHING)


def test_matching_equals_scikit_image_on_the_chosen_image(images):
    generated, real = images[:3], images[3:]
    matched, nearest = match_histograms.match_to_real(generated, real, **MATCHING)
    for image, result, index in zip(generated, matched, nearest, strict=True):
        ours, theirs = (rgb2ycbcr(part).round(9) for part in (image, real[index]))
        expected = matched_by_skimage(ours, theirs, channel_axis=-1)
        assert (result == np.rint(ycbcr2rgb(expected).clip(0, 1) * 255)).all()
    assert (matched != generated).any()


def test_the_last_bits_of_a_processor_change_no_matched_pixel(monkeypatch, images):
    rng = np.random.default_rng(0)
    flat = images // 64 * 64  # few colors, many pixels of each: where two parted values of one chroma matter
    expected, _ = match_histograms.match_to_real(flat[:3], flat[3:], **MATCHING)
    monkeypatch.setattr(
        skimage.color, "rgb2ycbcr", lambda image: rgb2ycbcr(image) + rng.uniform(-1e-13, 1e-13, image.shape)
    )
    matched, _ = match_histograms.match_to_real(flat[:3], flat[3:], **MATCHING)
    assert (matched == expected).all()


def test_matching_gives_an_image_the_colors_of_the_chosen_one(images):
    matched, nearest = match_histograms.match_to_real(images[:3], images[3:], **MATCHING)
    ours, theirs = (rgb2ycbcr(part).reshape(3, -1, 3).mean(1) for part in (matched, images[3:][nearest]))
    assert ours == pytest.approx(theirs, abs=2.5)  # of 220 levels; colors outside RGB are clipped


def test_five_rounds_of_matching_images_to_themselves_change_no_pixel(images):
    current = images
    for _ in range(5):
        current, nearest = match_histograms.match_to_real(current, images, **MATCHING)
        assert nearest.tolist() == list(range(len(images)))
    assert (current == images).all()


def test_the_step_rewrites_each_candidate_and_says_whose_colors_it_has(tmp_path, images):
    slots = pd.DataFrame({"file_name": [f"{number}.png" for number in range(4)], "group": list("aabb")})
    generated = tmp_path / "base/seed-0/iteration-0/generated.zip"
    imageset.write(generated, slots, images[:4])
    imageset.write(tmp_path / "real.zip", slots, images[4:])
    found = candidates.of_sets([generated], tmp_path)[::-1].reset_index(drop=True)
    settings = match_histograms.Settings(**MATCHING, candidates="group")
    curated = match_histograms.curate(found, settings, Inputs(tmp_path, 0, real=tmp_path / "real.zip"))
    assert curated.table["accepted"].all()
    assert curated.table[candidates.PLACE].equals(found[candidates.PLACE])
    groups = slots["group"].to_numpy()
    expected, nearest = match_histograms.match_to_real(
        images[:4][::-1], images[4:], groups=(groups[::-1], groups), **MATCHING
    )
    assert (curated.images == expected).all()
    assert curated.added is not None
    assert curated.added["matched_to"].tolist() == slots["file_name"].to_numpy()[nearest].tolist()
