"""What a step rejected: the order, the side of the threshold, and what the page says of it."""

import json

import numpy as np
import pandas as pd
import pytest

from scripts.lib.figures import rejections


def decisions(scores, threshold, **columns):
    """Return what a step decided of three images of which the first and the last are rejected."""
    return pd.DataFrame(
        {"slot": ["a", "b", "c"], "file_name": ["a.png", "b.png", "c.png"], "instead": ["1", "", ""], "score": scores}
        | {"accepted": [False, True, False], "origin": "all", "iteration": 1, "threshold": threshold}
        | {"images": "all/seed-3/iteration-1/generated.zip"}
        | columns
    )


def test_rejected_images_come_worst_first():
    shown = ["all/seed-3/iteration-1/generated"]
    found = rejections.facts("1-cull", decisions([2.0, 0.5, 3.0], 1.0), 3, shown)
    assert (found["step"], found["threshold"], found["side"], found["total"]) == ("1-cull", 1.0, "above", 3)
    place = {"set": shown[0]}
    assert found["rejected"] == [
        {"slot": "c", "file": "c.png", "score": 3.0, "replacement": ""} | place,
        {"slot": "a", "file": "a.png", "score": 2.0, "replacement": "b.png"} | place,
    ]


def test_a_step_without_scores_has_no_threshold_and_keeps_the_order_of_its_table():
    found = rejections.facts("1-random", decisions([np.nan] * 3, np.nan), 3, [])
    assert (found["threshold"], found["side"]) == (None, "")
    assert [(row["slot"], row["score"], row["set"]) for row in found["rejected"]] == [("a", None, ""), ("c", None, "")]
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("scores", "threshold", "side", "order"),
    [([0.1, 9, 0.4], 1.0, "below", "ac"), ([0.1, 9, 3.0], 1.0, "", "ca"), ([0.1, 9, 3.0], [0.5, 1, 9.0], "", "ca")],
    ids=["below", "on both sides", "several thresholds"],
)
def test_the_farthest_from_its_threshold_is_first(scores, threshold, side, order):
    found = rejections.facts("1-step", decisions(scores, threshold), 3, [])
    assert found["side"] == side
    assert "".join(row["slot"] for row in found["rejected"]) == order
    assert (found["threshold"] is None) == isinstance(threshold, list)


@pytest.mark.parametrize(
    ("images", "origin", "name"),
    [
        ("all/seed-3/iteration-2/curation/1-match_histograms.zip", "all", "all/seed-3/iteration-1/generated"),
        ("dataset/images.zip", "real", "dataset/images"),
        ("elsewhere.zip", "all", ""),
    ],
)
def test_the_image_of_a_candidate_is_that_of_its_set_before_any_step(images, origin, name):
    table = decisions([1.0] * 3, 0.0, images=images, origin=origin)
    shown = ["all/seed-3/iteration-1/generated", "dataset/images"]
    assert {row["set"] for row in rejections.facts("2-cull", table, 3, shown)["rejected"]} == {name}


def test_a_rewritten_image_of_several_models_has_the_name_of_its_slot():
    images = "all/seed-3/iteration-2/curation/1-match_histograms.zip"
    names = [f"all/seed-3/iteration-1/generated/{slot}.png" for slot in "abc"]
    table = decisions([2.0, 0.5, 3.0], 1.0, images=images, file_name=names)
    found = rejections.facts("2-cull", table, 3, ["all/seed-3/iteration-1/generated"])
    assert [(row["file"], row["replacement"]) for row in found["rejected"]] == [("c.png", ""), ("a.png", "b.png")]
