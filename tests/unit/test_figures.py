"""Figures of scores: they show what the scores say, the same way every time, and can be printed."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from scipy import stats

from scripts.lib.experiment.arms import Arm
from scripts.lib.figures import differences
from scripts.lib.figures.curves import Name, draw, trajectory
from scripts.lib.figures.looks import looks
from scripts.lib.figures.style import save
from tests.unit.figures import ARMS, assert_printable, table

DIVERSITY = {"metric": {"frechet_distance": "vendi_score", "clip_score": "coverage"}}
GROUPS = [("gender", "man"), ("gender", "woman"), *(("tone", tone) for tone in ("light", "medium", "brown", "dark"))]


def of_groups(scores):
    """Return the Fréchet distances of the whole set as kernel distances of every group."""
    whole = scores[(scores["metric"] == "frechet_distance") & (scores["group"] == "all")]
    whole = whole[whole["images"] == "generated"].assign(metric="kernel_distance")
    return pd.concat([whole.assign(group=f"{attribute}={value}") for attribute, value in GROUPS])


def lines(axes):
    return {line.get_label().split(" (")[0]: line for line in axes.lines if not line.get_label().startswith("_")}


def bands(axes):
    return [artist for artist in axes.collections if isinstance(artist, PolyCollection)]


def test_every_arm_is_a_line_from_the_model_it_starts_from():
    for axes, base, parent in zip(draw("curves", table(), ARMS, "CLIP").axes, (10, 27), (21, 24), strict=True):
        drawn = lines(axes)
        assert set(drawn) == {*ARMS, "real images"}
        assert all(tuple(drawn[name].get_xydata()[0]) == (0, base) for name in set(ARMS) - {"healed"})
        assert tuple(drawn["healed"].get_xydata()[0]) == (2, parent)
        assert drawn["healed"].get_xdata().tolist() == [2, 3, 4]


def test_controls_and_healing_are_marked_and_a_share_has_one_color():
    drawn = lines(draw("curves", table(), ARMS, "CLIP").axes[0])
    assert drawn["matched"].get_marker() == "D"
    assert drawn["culled"].get_marker() == "s"
    assert drawn["healed"].get_markerfacecolor() == "white"
    assert tuple(drawn["matched"].get_color()) == tuple(drawn["all"].get_color())
    assert len({tuple(drawn[name].get_color()) for name in ("real", "half", "all")}) == 3


def test_the_floor_and_both_regions_are_named():
    for axes, floor in zip(draw("curves", table(), ARMS, "CLIP").axes, (4, 28), strict=True):
        assert {text.get_text() for text in axes.texts} == {"poisoning", "healing"}
        assert np.all(np.asarray(lines(axes)["real images"].get_ydata()) == floor)


def test_regions_are_not_named_where_they_overlap():
    arms = ARMS | {"healed": ARMS["healed"]._replace(from_iteration=1)}
    assert not draw("curves", table(), arms, "CLIP").axes[0].texts


def test_axes_start_where_the_metric_does_and_nothing_is_cut_off():
    upper, lower = draw("curves", table(), ARMS, "CLIP").axes
    assert upper.get_ylim()[0] == 0
    assert upper.get_ylim()[1] > 40
    assert 0 < lower.get_ylim()[0] < 20
    vendi, coverage, _ = draw("diversity", table().replace(DIVERSITY), ARMS, "CLIP").axes
    assert vendi.get_ylim()[0] == coverage.get_ylim()[0] == 0
    assert coverage.get_ylim()[1] == pytest.approx(1, abs=0.05)


def test_an_axis_says_its_features_and_from_how_many_images_its_scores_are():
    scores = table()
    assert "(CLIP features, n = 90)" in draw("curves", scores, ARMS, "CLIP").axes[0].get_ylabel()
    scores.loc[scores["arm"] == "all", "n"] = 81
    assert "(CLIP features, n = 81-90)" in draw("curves", scores, ARMS, "CLIP").axes[0].get_ylabel()


def test_every_group_has_a_panel_on_one_scale_a_row_an_attribute():
    figure = draw("groups", of_groups(table()), ARMS, "CLIP")
    assert [axes.get_title().partition("\n")[0] for axes in figure.axes] == [value for _, value in GROUPS]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    tops = {attribute: axes.get_position().y1 for (attribute, _), axes in zip(GROUPS, figure.axes, strict=True)}
    assert len(set(tops.values())) == 2
    assert all(set(lines(axes)) == {*ARMS, "real images"} for axes in figure.axes)


@pytest.mark.parametrize("figure", get_args(Name))
@pytest.mark.parametrize("replicates", [1, 3])
def test_figures_of_scores_can_be_printed(figure, replicates):
    scores = table(replicates)
    assert_printable(draw(figure, pd.concat([scores, scores.replace(DIVERSITY), of_groups(scores)]), ARMS, "CLIP"))


def test_no_two_arms_look_alike_and_grey_print_keeps_the_order_of_the_shares():
    many = ARMS | {f"share-{share}": Arm(share) for share in (0.033, 0.1, 0.25)}
    many |= {"slower": Arm(1.0), "culled-later": Arm(1.0, ("cull",), "square", "half", 2)}
    drawn = looks(many)
    seen = {
        (look["marker"], look["linestyle"], str(look["markerfacecolor"]), str(look["color"])) for look in drawn.values()
    }
    assert len(seen) == len(many)
    without_color = {
        (look["marker"], look["linestyle"], str(look["markerfacecolor"]) == "white") for look in drawn.values()
    }
    assert len(without_color) == len(many), "told apart without any color"
    gray = {many[name].synthetic: np.dot(look["color"][:3], [0.299, 0.587, 0.114]) for name, look in drawn.items()}
    levels = [gray[share] for share in sorted(gray)]
    assert (np.diff(levels) < -0.02).all()
    assert levels[0] < 0.8, "visible on white"


def test_bands_appear_only_with_replicates():
    assert not any(bands(axes) for axes in draw("curves", table(1), ARMS, "CLIP").axes)
    assert [len(bands(axes)) for axes in draw("curves", table(3), ARMS, "CLIP").axes] == [len(ARMS)] * 2


def test_vertical_lines_are_the_intervals_over_the_images_of_an_arm_s_own_cells():
    for axes in draw("curves", table(1), ARMS, "CLIP").axes:
        drawn = [artist.get_segments() for artist in axes.collections if isinstance(artist, LineCollection)]
        assert len(drawn) == len(ARMS)
        assert all(len(segments) == 2 for segments in drawn), "two iterations of each arm, without where it starts"
        lengths = [segment[1][1] - segment[0][1] for segments in drawn for segment in segments]
        assert lengths == pytest.approx([0.75] * len(lengths))


def test_the_band_of_a_distance_is_students_interval_of_the_mean_on_a_log_scale():
    scores = table(3)
    scores = scores[(scores["metric"] == "frechet_distance") & (scores["group"] == "all")]
    scores = scores[scores["images"] == "generated"]
    line = trajectory(scores, "all", ARMS["all"])
    values = np.array([13.0, 14.0, 17.0])
    low, high = values.mean() * np.exp(stats.t.interval(0.95, 2, 0, stats.sem(values) / values.mean()))
    assert line.loc[[1], "mean"].tolist() == pytest.approx([values.mean()])
    assert line.loc[[1], "low"].tolist() == pytest.approx([low])
    assert line.loc[[1], "high"].tolist() == pytest.approx([high])


def test_a_missing_metric_is_said_and_no_error():
    scores = table()
    upper = draw("curves", scores[scores["metric"] != "frechet_distance"], ARMS, "CLIP").axes[0]
    assert [text.get_text() for text in upper.texts] == ["not scored: too few images\nfor these features"]


def test_groups_of_one_image_are_said_not_to_be_scored():
    scores = table()
    (axes,) = draw("groups", scores[scores["group"] == "all"], ARMS, "CLIP").axes
    assert axes.get_title().startswith("no group")
    assert "not scored: too few images" in axes.texts[0].get_text()


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_scores_give_the_same_bytes(tmp_path, suffix, monkeypatch):
    paths = [tmp_path / f"{name}.{suffix}" for name in ("first", "second")]
    for year, path in enumerate(paths):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(year * 10**9))
        save(draw("curves", table(), ARMS, "CLIP"), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_figure_of_contrasts_shows_paired_differences_to_the_control_and_their_intervals():
    scores = table(3)
    upper, clip_score, *_ = differences.draw(scores, ARMS, "CLIP").axes
    drawn = lines(upper)
    assert set(drawn) == {"real", *ARMS} - {"healed"}, "the control has no iteration beside those of healing"
    assert drawn["real"].get_ydata() == [0, 0]
    assert drawn["all"].get_xydata().tolist() == [[1, 2], [2, 31]], "pairs rise together: 13 to 11, 40 to 9"
    assert lines(clip_score)["all"].get_ydata().tolist() == [-2, -7.5]
    assert len(bands(upper)) == len(ARMS) - 2
    assert_printable(differences.draw(scores, ARMS, "CLIP"))
