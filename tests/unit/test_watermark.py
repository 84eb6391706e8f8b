"""The watermark: what it does to images, what its detector says of them, and what the loop makes of it."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydantic import ValidationError
from scipy import stats
from scipy.fft import dctn, idctn

from scripts import curate, reward
from scripts.lib.base import csvs, imageset
from scripts.lib.curation import candidates, watermark
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.load import ConfigurationError, load
from scripts.lib.experiment.config.metrics import Metrics
from scripts.lib.figures import curves
from scripts.lib.metrics import watermark as metric
from scripts.lib.metrics.metric import Embedded
from scripts.lib.planning.jobs import steps
from scripts.lib.scoring.bootstrap import Resampling, draw_counts
from scripts.lib.scoring.scores import absent, score
from scripts.lib.vision.watermark import LUMA, Mark, scores, sequence, written
from tests.unit.figures import ARMS, assert_printable, table

MARK = Mark(key=7)


@pytest.fixture(scope="module")
def pictures():
    """Four hundred images of 32 pixels with the spectrum of photographs, uint8: noise that falls with frequency."""
    rng = np.random.default_rng(0)
    rows, columns = np.ogrid[:32, :32]
    spectrum = rng.normal(size=(400, 32, 32, 3)) * (600 / (1 + np.hypot(rows, columns)))[:, :, None]
    return (128 + idctn(spectrum, axes=(1, 2), norm="ortho")).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", ["photograph", "drawing", "mirrored"])
def test_under_any_image_a_key_that_was_not_used_gives_a_standard_normal_score(pictures, kind):
    image = pictures[0].copy()
    if kind == "drawing":
        image[:, :, :] = 255
        image[8:20, 5:15] = (200, 30, 90)
    elif kind == "mirrored":  # Half of its coefficients are 0.
        image[:, 16:] = image[:, 15::-1]
    found = np.array([scores(image[None], Mark(key=key))[0] for key in range(2000)])
    assert stats.kstest(found, "norm").pvalue > 0.01
    assert np.mean(found > stats.norm.isf(0.01)) == pytest.approx(0.01, abs=0.007)


def test_the_mark_has_its_strength_and_its_band_and_is_the_same_in_all_images():
    gray = np.full((3, 32, 32, 3), 128, np.uint8)
    marked = written(gray, MARK, 4.0).astype(float) - 128
    assert np.sqrt(np.square(marked).mean()) == pytest.approx(4, abs=0.1)
    assert (marked == marked[0, :, :, :1]).all(), "it is gray"
    found = dctn(marked[0] @ LUMA, norm="ortho")
    place = sequence(MARK, 32, 32) != 0
    rows, columns = np.ogrid[:32, :32]
    assert (place == ((np.hypot(rows, columns) > 3.2) & (np.hypot(rows, columns) <= 16))).all()
    assert np.square(found[place]).sum() / np.square(found).sum() > 0.98, "the rest is the rounding to levels"
    assert np.corrcoef(found[place], sequence(MARK, 32, 32)[place])[0, 1] > 0.98


@pytest.mark.parametrize("strength", [4.0, 8.0])
def test_what_is_written_is_found_after_the_round_trip_through_a_png_and_by_its_key_alone(pictures, tmp_path, strength):
    names = [f"{number}.png" for number in range(len(pictures))]
    imageset.write(tmp_path / "marked.zip", pd.DataFrame({"file_name": names}), written(pictures, MARK, strength))
    _, marked = imageset.read(tmp_path / "marked.zip")
    threshold = stats.norm.isf(0.01)
    assert np.mean(scores(marked, MARK) > threshold) > (0.6 if strength == 4 else 0.99)
    assert np.mean(scores(marked, Mark(key=8)) > threshold) < 0.03
    assert np.mean(scores(pictures, MARK) > threshold) < 0.03


def test_the_mark_survives_jpeg_and_noise(pictures):
    def jpeg(image):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format="JPEG", quality=75)
        return np.asarray(Image.open(buffer))

    marked = written(pictures, MARK, 8.0)
    noisy = (marked + np.random.default_rng(1).normal(0, 8, marked.shape)).clip(0, 255).astype(np.uint8)
    for attacked in (np.stack([jpeg(image) for image in marked]), noisy):
        assert np.mean(scores(attacked, MARK) > stats.norm.isf(0.01)) > 0.95


def test_neither_batches_nor_company_change_a_mark_or_a_score(pictures):
    marked = written(pictures[:100], MARK, 4.0)
    parts = [written(pictures[start : start + 25], MARK, 4.0) for start in range(0, 100, 25)]
    assert (np.concatenate(parts) == marked).all()
    one_by_one = [scores(image[None], MARK)[0] for image in marked]
    assert scores(marked, MARK) == pytest.approx(one_by_one, abs=1e-12)
    assert scores(marked[:0], MARK).shape == (0,)


def test_a_band_that_is_none_and_images_that_are_too_small_are_refused():
    with pytest.raises(ValidationError, match=r"`low`: is 0\.5, but must be below `high`, 0\.5"):
        Mark(low=0.5)
    with pytest.raises(ValueError, match=r"images of 4 x 4 pixels have 5 frequencies .* needs 16; widen the band"):
        scores(np.zeros((1, 4, 4, 3), np.uint8), MARK)


def test_a_band_that_the_images_do_not_have_is_refused_before_any_job(settings):
    settings["arms"] = {"a": {"curate": [{"watermark": {"low": 0.2, "high": 0.21}}]}}
    load(settings)
    settings["dataset"]["resolution"] = 32
    with pytest.raises(ConfigurationError, match=r"arms\.a\.curate\.watermark: images of 32 x 32 pixels have"):
        load(settings)


def embedded(values):
    rows = pd.DataFrame({"group": ["a", "b"] * (len(values) // 2), "gender": "man"})
    nothing = np.random.default_rng(0).normal(size=(len(values), 3))
    return Embedded(rows, nothing, nothing, nothing, "clip", measured={"watermark": np.asarray(values, float)})


@pytest.mark.parametrize("ties", [False, True])
def test_the_metrics_are_the_area_under_the_curve_and_the_rate_at_one_percent_of_false_alarms(ties):
    rng = np.random.default_rng(3)
    own, real = rng.normal(1, 1, 300), rng.normal(0, 1, 200)
    if ties:
        own, real = own.round(), real.round()
    found = metric.compute(embedded(own), embedded(real), metric.Settings(key=7), whole=True)
    assert found["watermark_auc"] == pytest.approx(stats.mannwhitneyu(own, real).statistic / (300 * 200))
    best = max(np.mean(own > threshold) for threshold in real if np.mean(real > threshold) <= 0.01)
    assert found["watermark_tpr"] == pytest.approx(best)
    few = metric.compute(embedded(own), embedded(real[:98]), metric.Settings(key=7), whole=True)
    assert set(few) == {"watermark_auc"}, "one percent of 98 images is none"


def test_resamples_are_those_computed_as_sets():
    rng = np.random.default_rng(3)
    own, real, settings = embedded(rng.normal(1, 1, 60)), embedded(rng.normal(0, 1, 200)), metric.Settings(key=7)
    counts = draw_counts(own.metadata["group"].to_numpy(), Resampling(20, 0))
    found = metric.resampled(own, real, settings, counts, whole=True)
    for number, row in enumerate(counts):
        expected = metric.compute(own.take(np.repeat(np.arange(60), row)), real, settings, whole=True)
        assert {name: values[number] for name, values in found.items()} == pytest.approx(expected)


def test_a_mark_that_nobody_looks_for_is_neither_scored_nor_absent():
    own = embedded(np.arange(8))
    for measured in (True, False):
        one = own if measured else own._replace(measured={})
        rows = score({"clip": one}, {"clip": one}, ["gender"], Metrics())
        missing = {row.metric for row in absent(rows, {"clip": one}, {"reference"})}
        assert ("watermark_auc" in {row.metric for row in rows}) == measured
        assert ("watermark_tpr" in missing) == measured, "one percent of eight images is none"


def test_an_image_is_measured_as_the_reward_scores_it(pictures):
    measure = metric.measure(metric.Settings(key=7))
    assert metric.measure(metric.Settings()) is None
    assert measure is not None
    assert [measure(image) for image in pictures[:5]] == pytest.approx(scores(pictures[:5], MARK))


def test_a_step_writes_the_mark_and_a_detector_after_it_takes_the_marked_images_out(pictures, tmp_path):
    """A provider marks what it releases, and who trains filters by the mark: few real images go, most others do."""
    cell, names = tmp_path / "poison/seed-0/iteration-2", [f"a-{number:04d}.png" for number in range(200)]
    known = pd.DataFrame({"file_name": names, "group": "a", "text": "an a"})
    generated, real = tmp_path / "poison/seed-0/iteration-1/generated.zip", tmp_path / "dataset/images.zip"
    for path in (generated, real, cell / "curation/x"):
        path.parent.mkdir(parents=True, exist_ok=True)
    imageset.write(generated, known, pictures[:200])
    imageset.write(real, known, pictures[200:])
    first, second = (cell / f"curation/{name}" for name in ("1-watermark", "2-detector"))
    curate.main(
        [generated],
        "watermark",
        '{"key": 7, "strength": 8}',
        tmp_path,
        0,
        first.with_suffix(".csv"),
        rewritten=first.with_suffix(".zip"),
    )
    table, marked = imageset.read(first.with_suffix(".zip"))
    assert table["file_name"].tolist() == names
    assert (marked == written(pictures[:200], MARK, 8.0)).all()
    rewards = []
    for images in (first.with_suffix(".zip"), real):
        rewards.append(images.with_name(f"{images.stem}-watermark.csv"))
        reward.main(images, "watermark", '{"key": 7}', real, tmp_path, 8, rewards[-1])
    settings = json.dumps({"reward": "watermark", "threshold": 2.33})
    curate.main(
        [first.with_suffix(".zip")],
        "detector",
        settings,
        tmp_path,
        0,
        second.with_suffix(".csv"),
        before=first.with_suffix(".csv"),
        rewards=rewards,
        real=real,
    )
    decided = csvs.read(second.with_suffix(".csv"), candidates.TYPES)
    kept = decided.groupby(candidates.is_real(decided))["accepted"].mean()
    assert kept[False] < 0.01
    assert kept[True] > 0.96


def test_the_step_rewrites_and_the_configuration_takes_all_three(settings):
    assert watermark.needs(watermark.Settings()).rewrites
    settings["rewards"]["watermark"] = {}
    settings["score"]["metrics"] = {"watermark": {"key": 0}}
    curated = ["watermark", {"detector": {"reward": "watermark", "threshold": 2.33}}]
    experiment = load(settings | {"arms": {"a": {"curate": curated}}})
    marks = [experiment.arms["a"].curate[0].settings, experiment.rewards.watermark, experiment.score.metrics.watermark]  # type: ignore[attr-defined]
    assert {(mark.key, mark.low, mark.high) for mark in marks} == {(0, 0.1, 0.5)}
    assert [(step.kind, step.needs.reward) for step in steps(experiment, Cell("a", 0, 1))] == [
        ("watermark", None),
        ("detector", "watermark"),
    ]


def test_the_figure_has_both_curves():
    whole = table(3)
    names = {"frechet_distance": "watermark_auc", "clip_score": "watermark_tpr"}
    found = whole[whole["metric"].isin(names)].assign(metric=lambda rows: rows["metric"].map(names), features="")
    figure = curves.draw("watermark", found.assign(value=found["value"] / 50), ARMS, "CLIP")
    assert [axes.get_ylabel().split(" (")[0].split(" at")[0] for axes in figure.axes] == ["Watermark found"] * 2
    assert_printable(figure)
