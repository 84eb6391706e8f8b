"""The way back: half-lives against closed forms, and what the summary and the figure say of them."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scripts.lib.experiment.arms import Arm
from scripts.lib.figures.recovery import draw
from scripts.lib.scoring.recovery import half_life, recoveries, said
from scripts.lib.scoring.summary import summarize
from tests.unit.figures import assert_printable, beside, rows

ARMS = beside(
    "real",
    {
        "real": Arm(0.0),
        "all": Arm(1.0),
        "healed": Arm(0.0, parent="all", from_iteration=2),
        "slow": Arm(0.0, parent="all", from_iteration=2),
        "away": Arm(1.0, parent="all", from_iteration=2, merge="extrapolate"),
        "early": Arm(0.0, parent="all", from_iteration=1),
    },
)
COLUMNS = ["arm", "replicate", "iteration", "images", "group", "features", "metric", "value", "n"]


def table(replicates=(0,), **more: Any):
    """Scores: `all` is at 32 times real's distance of 2 after two iterations; unseen prompts lose 10 of 30."""
    courses: dict[str, Any] = {
        "base": {0: 2},
        "real": {1: 2, 2: 2, 3: 2},
        "all": {1: 3, 2: 64},
        "healed": {3: 16, 4: 8, 5: 4},
        "slow": {3: 32, 4: 32},
        "away": {3: 4},
        "early": {2: 2.5},
    } | more
    content = rows("floor", 0, 0, 1, 30, 2)
    for replicate in replicates:
        for arm, course in courses.items():
            for iteration, distance in course.items():
                content += rows(arm, replicate, iteration, distance * 4**replicate, 30 - distance / 10, 2)
                unseen = {"all": 20, "healed": 21 + iteration}.get(arm, 30)
                content += rows(arm, replicate, iteration, 999, unseen, 2, images="unseen")
    return pd.DataFrame(content, columns=COLUMNS).assign(low_images=float("nan"), high_images=float("nan"))


@pytest.mark.parametrize("rate", [0.2, 0.7, 3.0])
def test_a_distance_that_falls_by_a_rate_has_the_half_life_of_that_rate(rate):
    steps = np.linspace(0, 20, 20_001)  # So fine that the straight lines between them are the curve.
    assert half_life(pd.Series(np.exp(-rate * steps), steps)) == pytest.approx(math.log(2) / rate, abs=1e-5)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ([1, 0.5], 1.0),
        ([1, 0], 0.5),
        ([1, -1], 0.25),
        ([1, 0.9, 0.7, 0.4, 0.2], 2 + 2 / 3),
        ([1, 0.4, 0.6, 0.3], 0.5 / 0.6),
        ([1, 0.9, 0.6], math.nan),
        ([1, 3], math.nan),
    ],
)
def test_the_half_life_is_read_from_a_straight_line(left, expected):
    assert half_life(pd.Series(left)) == pytest.approx(expected, nan_ok=True)


def test_the_distance_is_that_of_logarithms_to_the_control_of_the_same_iteration():
    found = recoveries(table(), ARMS)
    assert set(found) == {"healed", "slow", "away"}, "in its start `early` is at 1.5 times the control's distance"
    # From 32 times over 8 and 4 to twice: log 2 of them is 5, 3, 2, 1. The control ends in iteration 3.
    assert found["healed"].distance.to_numpy() == pytest.approx(np.log([32, 8, 4, 2]))
    assert found["healed"].half_life == pytest.approx(1.5)
    assert math.isnan(found["slow"].half_life)
    assert found["away"].merged
    assert found["healed"].unseen.to_dict() == {0: -10, 1: -6, 2: -5, 3: -4}


def test_replicates_are_compared_with_the_control_of_their_own():
    one, several = (recoveries(table(replicates), ARMS)["healed"] for replicates in ((0,), (0, 1, 2)))
    assert several.distance.to_numpy() == pytest.approx(one.distance.to_numpy())


def test_without_a_control_or_a_collapse_there_is_no_way_back():
    assert recoveries(table(), beside(None, ARMS)) == {}
    assert said(table(all={1: 3, 2: 3.9}), ARMS) == []
    assert said(table().query("metric != 'frechet_distance'"), ARMS) == []
    assert said(table(all={1: 3}), ARMS) == [], "the start is not scored yet"


def test_the_summary_says_how_fast_and_what_does_not_come_back():
    text = " ".join(summarize(table(), ARMS).split())
    assert (
        "half as far from real's as at its start: healed 1.5 (20 % left after 3); slow more than 2 (80 % left); away "
        "no iteration, a merge (20 % left)." in text
    )
    assert "the last iteration still lacks: healed 4.0 of 10.0; slow 0.0 of 10.0; away 0.0 of 10.0." in text
    without = " ".join(said(table().query("images == 'generated'"), ARMS))
    assert "healed 1.5" in without
    assert "lacks" not in without


def test_the_figure_draws_the_ways_and_marks_the_half_life():
    figure = draw(table(), ARMS, "CLIP")
    left, right = figure.axes
    (cross,) = [line for line in left.lines if line.get_marker() == "x"]
    assert np.ravel(cross.get_xydata()) == pytest.approx([1.5, 0.5])
    (way,) = [line for line in left.lines if str(line.get_label()).startswith("healed")]
    assert way.get_ydata() == pytest.approx([1, 0.6, 0.4, 0.2])
    (unseen,) = [line for line in right.lines if str(line.get_label()).startswith("healed")]
    assert unseen.get_ydata() == pytest.approx([-10, -6, -5, -4])
    assert_printable(figure)
    assert_printable(draw(table(all={1: 2, 2: 2}), ARMS, "CLIP"))
