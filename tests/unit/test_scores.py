"""The table of scores of one image set."""

import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from scripts import tabulate
from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.config.metrics import Metrics
from scripts.lib.metrics.clip_score import clip_scores
from scripts.lib.metrics.frechet_distance import frechet_distance
from scripts.lib.metrics.metric import Embedded
from scripts.lib.metrics.vendi_score import vendi_score
from scripts.lib.scoring.bootstrap import Resampling
from scripts.lib.scoring.replicates import over_replicates
from scripts.lib.scoring.scores import absent, of_prompts, score


def embedded(sizes, seed=0, features=4):
    """A set of so many images per group, groups being ``man`` and ``woman`` by ``old``."""
    names = [(gender, f"{gender}-old") for gender, size in sizes.items() for _ in range(size)]
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(names, columns=["gender", "group"]).assign(age="old")
    vectors, clip_image, clip_text = (rng.normal(size=(len(table), d)) for d in (features, 6, 6))
    return Embedded(table, vectors, clip_image, clip_text)


def scored(images, reference, nearest_k=3):
    settings = Metrics.model_validate({"neighbors": {"nearest_k": nearest_k}})
    rows = score({"fid": images}, {"fid": reference}, ["gender", "age"], settings)
    assert len({(row.metric, row.group) for row in rows}) == len(rows)
    return {(row.metric, row.group): (row.n, row.value) for row in rows}


def test_the_whole_set_and_every_value_of_every_attribute_are_scored():
    scores = scored(embedded({"man": 9, "woman": 8}), embedded({"man": 9, "woman": 8}, seed=1))
    assert {group for _, group in scores} == {"all", "gender=man", "gender=woman", "age=old"}
    assert {metric for metric, group in scores if group == "gender=man"} == {
        "frechet_distance",
        "kernel_distance",
        "precision",
        "recall",
        "density",
        "coverage",
        "clip_score",
        "clip_score_std",
        "vendi_score",
        "gaussian_mmd",
        "mind",
        "vendi_within_prompt",
        "distance_within_prompt",
    }


def test_metrics_of_features_have_a_row_per_space_and_others_have_one():
    ours, theirs = ({"fid": embedded({"man": 9}, seed), "dino": embedded({"man": 9}, seed + 1)} for seed in (0, 2))
    rows = score(ours, theirs, [], Metrics.model_validate({"neighbors": {"nearest_k": 3}}))
    found = {(row.metric, row.features): row.value for row in rows}
    assert len(found) == len(rows)
    assert {features for metric, features in found if metric.startswith("clip_score")} == {""}
    assert {features for metric, features in found if not metric.startswith("clip_score")} == {"fid", "dino"}
    for name in ("fid", "dino"):
        expected = frechet_distance(ours[name].features, theirs[name].features)
        assert found["frechet_distance", name] == pytest.approx(expected)


def test_values_are_those_of_the_metrics():
    ours, reference = embedded({"man": 9, "woman": 8}), embedded({"man": 9, "woman": 8}, seed=1)
    scores = scored(ours, reference)
    assert scores["frechet_distance", "gender=man"] == (
        9,
        pytest.approx(frechet_distance(ours.features[:9], reference.features[:9])),
    )
    clip = clip_scores(ours.clip_image, ours.clip_text)
    assert scores["clip_score", "all"] == (17, pytest.approx(clip.mean()))
    assert scores["clip_score_std", "all"] == (17, pytest.approx(np.std(clip, ddof=1)))
    assert scores["vendi_score", "gender=woman"] == (8, pytest.approx(vendi_score(ours.features[9:])))


def test_distances_compare_equal_numbers_in_every_group_and_scores_use_every_image():
    ours, reference = embedded({"man": 9, "woman": 7}), embedded({"woman": 12, "man": 6}, seed=1)
    scores = scored(ours, reference)
    assert scores["frechet_distance", "all"][0] == 6 + 7
    assert scores["clip_score", "all"][0] == 16
    rows = np.r_[:6, 9:16], np.r_[12:18, :7]
    expected = frechet_distance(ours.features[rows[0]], reference.features[rows[1]])
    assert scores["frechet_distance", "all"][1] == pytest.approx(expected)


def test_groups_too_small_for_a_distance_have_none_but_the_whole_set_always_has():
    scores = scored(embedded({"man": 3, "woman": 4}, features=20), embedded({"man": 3, "woman": 4}, 1, features=20))
    assert {group for metric, group in scores if metric == "frechet_distance"} == {"all"}
    assert {group for metric, group in scores if metric == "precision"} == {"all", "gender=woman", "age=old"}
    assert {group for metric, group in scores if metric == "kernel_distance"} == {
        "all",
        "gender=man",
        "gender=woman",
        "age=old",
    }


def test_a_set_is_at_no_distance_from_itself():
    ours = embedded({"man": 9, "woman": 8})
    scores = scored(ours, ours)
    assert scores["frechet_distance", "all"][1] == pytest.approx(0, abs=1e-9)
    assert scores["precision", "all"][1] == scores["recall", "all"][1] == scores["coverage", "all"][1] == 1


def test_scores_of_all_cells_become_one_tidy_table(tmp_path):
    row = {
        "metric": "clip_score",
        "features": "",
        "group": "all",
        "n": 3,
        "value": 31.5,
        "low_images": 31,
        "high_images": 33,
    }
    reason = {"metric": "mind", "features": "fid", "group": "all", "reason": "needs two images, and a finite value"}
    paths = [tmp_path / name for name in ("a-1/seed-7/iteration-10/scores.json", "base/seed-0/iteration-0/scores.json")]
    for path in (*paths, tmp_path / "floor.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"generated": [row], "unseen": [row], "absent": {"generated": [reason]}}))
    outputs = {name: tmp_path / f"{name}.csv" for name in ("output", "means", "absent")}
    tabulate.main(scores=paths, floor=[tmp_path / "floor.json"], **outputs)
    missing = pd.read_csv(tmp_path / "absent.csv")
    assert missing[["arm", "images", "metric", "reason"]].drop_duplicates().to_numpy().tolist() == [
        [arm, "generated", "mind", "needs two images, and a finite value"] for arm in ("floor", "a-1", "base")
    ]
    table = pd.read_csv(tmp_path / "output.csv")
    assert table[["arm", "replicate", "iteration"]].drop_duplicates().to_numpy().tolist() == [
        ["floor", 0, 0],
        ["a-1", 7, 10],
        ["base", 0, 0],
    ]
    assert set(table["images"]) == {"generated", "unseen"}
    assert (table["value"] == 31.5).all()


def test_each_replicate_that_has_real_images_of_its_own_has_a_floor(tmp_path):
    row = {"metric": "clip_score", "features": "", "group": "all", "n": 3, "value": 31.5}
    cell = tmp_path / "a/seed-7/iteration-1/scores.json"
    floors = [tmp_path / f"dataset/seed-{replicate}/scores.json" for replicate in (0, 7)]
    for path in (cell, *floors):
        path.parent.mkdir(parents=True, exist_ok=True)
        ends = {"low_images": None, "high_images": None}
        path.write_text(json.dumps({"generated": [row | ends], "absent": {"generated": []}}), encoding="utf-8")
    outputs = {name: tmp_path / f"{name}.csv" for name in ("output", "means", "absent")}
    tabulate.main(scores=[cell], floor=floors, **outputs)
    table = pd.read_csv(tmp_path / "output.csv")
    assert table[["arm", "replicate"]].to_numpy().tolist() == [["floor", 0], ["floor", 7], ["a", 7]]


def test_only_the_whole_set_has_intervals_over_its_images_and_they_contain_its_scores():
    settings = Metrics.model_validate({"neighbors": {"nearest_k": 3}})
    ours, theirs = ({"fid": embedded({"man": 12, "woman": 11}, seed)} for seed in (0, 1))
    rows = score(ours, theirs, ["gender"], settings, Resampling(100, 0))
    found = pd.DataFrame(rows).set_index("group")
    whole, parts = found.loc["all"], found.drop("all")
    assert ((whole["low_images"] <= whole["value"]) & (whole["value"] <= whole["high_images"])).all()
    assert (whole["low_images"] < whole["high_images"]).all()
    assert parts["low_images"].isna().all()
    assert rows == score(ours, theirs, ["gender"], settings, Resampling(100, 0))


def test_what_cannot_be_computed_is_absent_with_a_reason():
    zeros = embedded({"man": 3})
    zeros = zeros._replace(clip_image=0 * zeros.clip_image, features=0 * zeros.features)
    settings = Metrics()
    with np.errstate(invalid="ignore"):
        rows = score({"fid": zeros}, {"fid": zeros}, [], settings)
    compared = {"nothing", "reference"}
    missing = {(row.metric, row.features): row.reason for row in absent(rows, {"fid": zeros}, compared)}
    assert missing["precision", "fid"] == "needs more images than nearest_k, and a finite value"
    assert missing["clip_score", ""] == "needs an image, and a finite value"
    assert all(np.isfinite(row.value) for row in rows)
    every = [kind for kind in kinds("metrics").values() if kind.AGAINST in compared and not hasattr(kind, "measure")]
    names = {name for kind in every for name in kind.METRICS}
    assert {row.metric for row in rows} | {metric for metric, _ in missing} == names
    assert not {row.metric for row in rows} & {metric for metric, _ in missing}
    one = {"fid": embedded({"man": 1})}
    unseen = absent(of_prompts(one, "all", settings), one, {"nothing"})
    few = {"clip_score_std", "vendi_within_prompt", "distance_within_prompt"}
    assert {row.metric for row in unseen} == few | {"group_fidelity"}


def test_means_add_the_intervals_over_the_images_of_independent_replicates_as_squares():
    table = replicated("kernel_distance", [[1.0, 2.0]])
    table = table.assign(low_images=[0.4, 1.2], high_images=[1.3, 2.4])
    (row,) = over_replicates(table).to_dict("records")
    assert (row["low_images"], row["high_images"]) == pytest.approx((1.5 - 0.5, 1.5 + 0.25))
    (row,) = over_replicates(table.assign(low_images=[0.4, np.nan])).to_dict("records")
    assert np.isnan(row["low_images"])


def replicated(metric, values):
    """Scores of many independent sets of replicates, (sets, replicates), as if each were of a group of its own."""
    rows = [
        ("real", replicate, 5, "generated", f"set={number}", "fid", metric, value)
        for number, row in enumerate(values)
        for replicate, value in enumerate(row)
    ]
    columns = ["arm", "replicate", "iteration", "images", "group", "features", "metric", "value"]
    return pd.DataFrame(rows, columns=columns).assign(low_images=np.nan, high_images=np.nan)


@pytest.mark.parametrize("replicates", [3, 6])
@pytest.mark.parametrize(
    ("metric", "draw"),
    [
        ("clip_score", lambda rng, shape: 70 + rng.normal(size=shape)),
        ("kernel_distance", lambda rng, shape: 0.01 * rng.normal(size=shape) + 70),
        ("frechet_distance", lambda rng, shape: 70 * rng.gamma(16, 1 / 16, size=shape)),  # A deviation of a quarter.
    ],
)
def test_intervals_over_replicates_have_their_nominal_coverage(metric, draw, replicates):
    values = draw(np.random.default_rng(0), (2000, replicates))
    table = over_replicates(replicated(metric, values))
    assert 0.93 <= ((table["low"] <= 70) & (table["high"] >= 70)).mean() <= 0.97


def test_the_interval_of_a_distance_stays_above_0():
    # Student's on the scale of the values is -0.85 to 4.79, as in a report of three replicates.
    values = 1.97 + 2.82 / scipy.stats.t.ppf(0.975, 2) * 3**0.5 * np.array([-1, 0, 1])
    (row,) = over_replicates(replicated("frechet_distance", [values])).to_dict("records")
    assert (row["mean"], row["low"], row["high"]) == pytest.approx(
        (1.97, 1.97 / np.exp(2.82 / 1.97), 1.97 * np.exp(2.82 / 1.97))
    )
    (row,) = over_replicates(replicated("clip_score", [values])).to_dict("records")
    assert (row["low"], row["high"]) == pytest.approx((-0.85, 4.79))
    (row,) = over_replicates(replicated("frechet_distance", [[0.0, 0.0]])).to_dict("records")
    assert (row["mean"], row["low"], row["high"]) == (0, 0, 0)


def test_the_interval_of_a_share_ends_at_0_and_1():
    (row,) = over_replicates(replicated("group_fidelity", [[0.978, 1.0]])).to_dict("records")
    assert (row["low"], row["high"]) == (pytest.approx(0.989 - 0.011 * 12.706, abs=1e-4), 1.0)
    (row,) = over_replicates(replicated("recall", [[0.0, 0.01]])).to_dict("records")
    assert row["low"] == 0.0


def test_means_over_replicates_have_students_interval():
    key = {"arm": "real", "iteration": 5, "images": "generated", "group": "all", "features": "fid"}
    rows = [{**key, "metric": "kernel_distance", "replicate": i, "value": v} for i, v in enumerate([1.0, 2.0, 3.0])]
    alone = {**key, "metric": "clip_score", "replicate": 0, "value": 70.0}
    table = (
        over_replicates(pd.DataFrame([*rows, alone]).assign(low_images=69, high_images=72))
        .set_index("metric")
        .to_dict("index")
    )
    several, single = table["kernel_distance"], table["clip_score"]
    assert (single["low_images"], single["high_images"]) == (69, 72)
    assert (several["replicates"], several["mean"]) == (3, 2.0)
    assert (several["low"], several["high"]) == pytest.approx(scipy.stats.t.interval(0.95, 2, loc=2, scale=1 / 3**0.5))
    assert single["mean"] == 70
    assert np.isnan([single["low"], single["high"]]).all()
