"""Figures and summary: they show what the scores say, the same way every time."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from scipy import stats

from scripts import draw_grid
from scripts.lib import figures, imageset
from scripts.lib.figures import Arm, Panel

ARMS = {
    "real": Arm(0.0, "none", None, None),
    "all": Arm(1.0, "none", None, None),
    "half": Arm(0.5, "none", None, None),
    "matched": Arm(1.0, "match_histograms", None, None),
    "culled": Arm(1.0, "cull", None, None),
    "healed": Arm(0.0, "none", "half", 2),
}
METRICS = ("frechet_distance", "clip_score", "clip_score_std")


def rows(arm, replicate, iteration, *values, images="generated", group="all"):
    return [(arm, replicate, iteration, images, group, *pair, 90) for pair in zip(METRICS, values, strict=True)]


def table(replicates=1, all_ends=(40.0, 20.0), real_ends=(9.0, 27.5)):
    """Scores of `ARMS`: the base model 10 and 27 ± 2, two iterations, the last one of `all` and `real` as given."""
    content = rows("floor", 0, 0, 4, 28, 1)
    for replicate in range(replicates):
        content += rows("base", replicate, 0, 10, 27, 2)
        for number, name in enumerate(["real", "half", "all", "matched", "culled"]):
            end = {"all": all_ends, "real": real_ends}.get(name, (20 + number, 25 - number))
            content += rows(name, replicate, 1, 11 + number + replicate**2, 26 - number, 2)
            content += rows(name, replicate, 2, *end, 2)
        content += rows("healed", replicate, 3, 15, 26, 2) + rows("healed", replicate, 4, 13, 26.5, 2)
        # What no figure shows: other image sets and single groups.
        content += rows("all", replicate, 2, 999, 999, 999, images="unseen")
        content += rows("all", replicate, 2, 999, 999, 999, group="gender=man")
    columns = ["arm", "replicate", "iteration", "images", "group", "metric", "value", "n"]
    return pd.DataFrame(content, columns=columns)


def lines(axes):
    return {line.get_label().split(" (")[0]: line for line in axes.lines if not line.get_label().startswith("_")}


def bands(axes):
    return [artist for artist in axes.collections if isinstance(artist, PolyCollection)]


def test_every_arm_is_a_line_from_the_model_it_starts_from():
    for axes, base, parent in zip(figures.draw_curves(table(), ARMS, "CLIP").axes, (10, 27), (21, 24), strict=True):
        drawn = lines(axes)
        assert set(drawn) == set(ARMS)
        assert all(tuple(drawn[name].get_xydata()[0]) == (0, base) for name in set(ARMS) - {"healed"})
        assert tuple(drawn["healed"].get_xydata()[0]) == (2, parent)
        assert drawn["healed"].get_xdata().tolist() == [2, 3, 4]


def test_controls_and_healing_are_marked_and_a_share_has_one_color():
    drawn = lines(figures.draw_curves(table(), ARMS, "CLIP").axes[0])
    assert drawn["matched"].get_marker() == "D"
    assert drawn["culled"].get_marker() == "s"
    assert drawn["healed"].get_markerfacecolor() == "white"
    assert tuple(drawn["matched"].get_color()) == tuple(drawn["all"].get_color())
    assert len({tuple(drawn[name].get_color()) for name in ("real", "half", "all")}) == 3


def test_the_floor_and_both_regions_are_named():
    for axes, floor in zip(figures.draw_curves(table(), ARMS, "CLIP").axes, (4, 28), strict=True):
        assert {text.get_text() for text in axes.texts} == {"real\nimages", "poisoning", "healing"}
        assert any(np.all(np.asarray(line.get_ydata()) == floor) for line in axes.lines if line.get_linestyle() == "--")


def test_regions_are_not_named_where_they_overlap():
    arms = ARMS | {"healed": ARMS["healed"]._replace(from_iteration=1)}
    axes = figures.draw_curves(table(), arms, "CLIP").axes[0]
    assert {text.get_text() for text in axes.texts} == {"real\nimages"}


def test_bands_appear_only_with_replicates():
    assert not any(bands(axes) for axes in figures.draw_curves(table(1), ARMS, "CLIP").axes)
    assert [len(bands(axes)) for axes in figures.draw_curves(table(3), ARMS, "CLIP").axes] == [len(ARMS)] * 2


def test_the_band_is_students_interval_of_the_mean():
    scores = table(3)
    scores = scores[(scores["metric"] == "frechet_distance") & (scores["group"] == "all")]
    scores = scores[scores["images"] == "generated"]
    line = figures.trajectory(scores, "all", ARMS["all"])
    values = np.array([13.0, 14.0, 17.0])
    low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert line.loc[[1], "mean"].tolist() == pytest.approx([values.mean()])
    assert (line["mean"] - line["half"])[[1]].tolist() == pytest.approx([low])
    assert (line["mean"] + line["half"])[[1]].tolist() == pytest.approx([high])


def test_a_missing_metric_is_said_and_no_error():
    scores = table()
    upper = figures.draw_curves(scores[scores["metric"] != "frechet_distance"], ARMS, "CLIP").axes[0]
    assert [text.get_text() for text in upper.texts] == ["not scored: too few images for these features"]


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_scores_give_the_same_bytes(tmp_path, suffix, monkeypatch):
    paths = [tmp_path / f"{name}.{suffix}" for name in ("first", "second")]
    for year, path in enumerate(paths):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(year * 10**9))
        figures.save(figures.draw_curves(table(), ARMS, "CLIP"), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_every_iteration_has_a_column_until_there_are_too_many():
    assert figures.shown([3, 1, 2, 2]) == [1, 2, 3]
    assert figures.shown(range(1, 101)) == [1, 12, 23, 34, 45, 56, 67, 78, 89, 100]


def test_healing_arms_have_a_panel_of_their_own_and_missing_cells_stay_empty(images):
    cells = {("real", 1): images[:2], ("real", 2): images[2:4], ("all", 1): images[4:6], ("healed", 3): images[6:]}
    arms = {name: ARMS[name] for name in ("real", "all", "healed")}
    first, second = figures.iteration_panels(arms, cells)
    assert (first.columns, second.columns) == (["iteration 1", "iteration 2"], ["iteration 3"])
    assert list(second.rows) == ["healed\n0 %, after half"]
    assert first.rows["all\n100 % generated"][1] is None


def test_the_grid_shows_every_pixel_enlarged(images):
    panel = Panel("", ["one", "two"], {"row": [images[:2], None]})
    canvas = np.asarray(figures.draw_grid([panel]).axes[0].images[0].get_array())
    factor = figures.TILE // images.shape[1]
    enlarged = np.kron(images[0], np.ones((factor, factor, 1), np.uint8))
    found = np.lib.stride_tricks.sliding_window_view(canvas[:, :, 0], enlarged.shape[:2])
    tops, lefts = np.nonzero(found[:, :, 0, 0] == enlarged[0, 0, 0])
    size = figures.TILE
    crops = (canvas[top : top + size, left : left + size] for top, left in zip(tops, lefts, strict=True))
    assert any(np.array_equal(crop, enlarged) for crop in crops)


def test_a_tile_of_a_large_image_is_reduced():
    figure = figures.draw_grid([Panel("", ["one"], {"row": [np.zeros((1, 512, 512, 3), np.uint8)]})])
    canvas = np.asarray(figure.axes[0].images[0].get_array())
    assert (canvas == 0).all(axis=2).sum() == figures.TILE**2


def test_the_grid_takes_the_same_slots_of_the_group_from_every_cell(tmp_path, images, monkeypatch):
    real = pd.DataFrame({"file_name": [f"{i}.png" for i in range(8)], "age": ["old", "young"] * 4, "text": "t"})
    unseen = pd.DataFrame({"file_name": ["0.png", "1.png", "2.png"], "group": ["a", "a", "b"], "text": ["A", "A", "B"]})
    imageset.write(tmp_path / "real.zip", real, images)
    for number, cell in enumerate(("base/seed-0/iteration-0", "real/seed-0/iteration-1")):
        imageset.write(tmp_path / cell / "generated.zip", real, images[::-1] // (number + 1))
        imageset.write(tmp_path / cell / "unseen.zip", unseen, images[:3] // (number + 1))
    drawn: list[Panel] = []
    monkeypatch.setattr(figures, "draw_grid", drawn.extend)
    draw_grid.main(
        generated=sorted(tmp_path.glob("*/*/*/generated.zip")),
        unseen=sorted(tmp_path.glob("*/*/*/unseen.zip")),
        real=tmp_path / "real.zip",
        arms='{"real": {"synthetic": 0, "control": "none", "parent": null, "from_iteration": null}}',
        group='{"age": "young"}',
        images=2,
        output=[],
    )
    start, iterations, end = drawn
    np.testing.assert_equal(start.rows, {"young": [images[[1, 3]], images[[6, 4]]]})
    np.testing.assert_equal(iterations.rows, {"real\n0 % generated": [images[[6, 4]] // 2]})
    assert end.columns == ["A", "B"]
    last = [images[[0, 1]], images[[2]]]
    np.testing.assert_equal(end.rows, {"base model": last, "real\n0 % generated": [cell // 2 for cell in last]})


def test_prompts_are_wrapped_at_spaces_and_too_long_words_kept():
    assert figures._wrap("a middle-aged Donaudampfschifffahrtskapitaen", 200).split("\n") == [
        "a",
        "middle-aged",
        "Donaudampfschifffahrtskapitaen",
    ]


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ((40.0, 20.0), "a collapse"),
        ((19.9, 20.0), "worse than the base model by both scores, but no collapse"),
        ((40.0, 25.5), "worse than the base model by both scores, but no collapse"),
        ((12.0, 27.5), "worse than the base model by its Fréchet distance only, no collapse"),
        ((9.0, 26.5), "worse than the base model by its CLIP score only, no collapse"),
        ((9.0, 27.5), "no worse than the base model"),
    ],
)
def test_the_summary_follows_the_numbers(ends, verdict):
    text = " ".join(figures.summarize(table(all_ends=ends), ARMS).split())
    assert f"after iteration 2: {verdict}." in text.split("real has")[0]
    assert f"Trained on 100 % generated images, all has a Fréchet distance of {ends[0]:.3g}" in text
    assert "real has a Fréchet distance of 9.00 and a CLIP score of 27.5 after iteration 2: no worse" in text
    assert "The base model has a Fréchet distance of 10.0 and a CLIP score of 27.0, real images" in text


def test_the_summary_can_blame_retraining_on_real_images_too():
    text = " ".join(figures.summarize(table(real_ends=(50.0, 10.0)), ARMS).split())
    assert "real has a Fréchet distance of 50.0 and a CLIP score of 10.0 after iteration 2: a collapse." in text


def test_the_summary_says_how_many_replicates_and_what_it_is_told():
    assert "means of 3 replicates" in figures.summarize(table(3), ARMS)
    text = figures.summarize(table(1), ARMS, note="Drawings, not photographs.")
    assert "replicates" not in text
    assert text.endswith("Drawings, not photographs.\n")


def test_the_summary_does_not_judge_what_was_not_scored():
    scores = table()
    text = figures.summarize(scores[scores["metric"] != "frechet_distance"], ARMS)
    assert "not judged" in text
    assert "a collapse." not in text


@pytest.mark.parametrize(("value", "text"), [(27.04, "27.0"), (0.02346, "0.0235"), (1234.5, "1234"), (0.0, "0.00")])
def test_numbers_have_three_digits_and_no_exponent(value, text):
    assert figures._number(value) == text
