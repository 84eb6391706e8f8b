"""Figures of samples: the right images at the right place, every pixel of them, and printable."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from scripts import draw_grid, draw_rejected, draw_samples
from scripts.lib.base import csvs, imageset
from scripts.lib.curation.candidates import decided, of_sets
from scripts.lib.figures import images as samples
from scripts.lib.figures import rejections, style
from scripts.lib.figures.images import Panel, draw_panels, iteration_panels, spaced
from scripts.lib.figures.style import save
from tests.unit.figures import ARMS, assert_printable

NONE = np.zeros((0, 32, 32, 3), np.uint8)


def test_every_iteration_has_a_column_until_there_are_too_many():
    assert spaced([1, 2, 3]) == [1, 2, 3]
    assert spaced(range(1, 101)) == [1, 12, 23, 34, 45, 56, 67, 78, 89, 100]


def test_healing_arms_have_a_panel_of_their_own_and_missing_cells_stay_empty(images):
    cells = {("real", 1): images[:2], ("real", 2): images[2:4], ("all", 1): images[4:6], ("healed", 3): images[6:]}
    arms = {name: ARMS[name] for name in ("real", "all", "healed")}
    first, second = iteration_panels(arms, cells)
    assert (first.columns, second.columns) == (["iteration 1", "iteration 2"], ["iteration 3"])
    assert list(second.rows) == ["healed\n0 %, after half"]
    assert first.rows["all\n100 % generated"][1] is None


def test_every_pixel_is_shown_enlarged(images):
    panel = Panel("", ["one", "two"], {"row": [images[:2], None]})
    canvas = np.asarray(draw_panels([panel]).axes[0].images[0].get_array())
    factor = samples.LARGEST_TILE // images.shape[1]
    enlarged = np.kron(images[0], np.ones((factor, factor, 1), np.uint8))
    found = np.lib.stride_tricks.sliding_window_view(canvas[:, :, 0], enlarged.shape[:2])
    tops, lefts = np.nonzero(found[:, :, 0, 0] == enlarged[0, 0, 0])
    size = len(enlarged)
    crops = (canvas[top : top + size, left : left + size] for top, left in zip(tops, lefts, strict=True))
    assert any(np.array_equal(crop, enlarged) for crop in crops)


def test_a_large_image_is_reduced_to_a_tile():
    figure = draw_panels([Panel("", ["one"], {"row": [np.zeros((1, 512, 512, 3), np.uint8)]})])
    canvas = np.asarray(figure.axes[0].images[0].get_array())
    assert (canvas == 0).all(axis=2).sum() == samples.LARGEST_TILE**2


def test_sets_of_different_sizes_share_a_figure():
    small, large = (np.zeros((4, edge, edge, 3), np.uint8) for edge in (32, 96))
    panels = [Panel("", ["seen"] * 5, {"a": [large] * 5}), Panel("", ["unseen"], {"a": [small]})]
    canvas = np.asarray(draw_panels(panels).axes[0].images[0].get_array())
    black = (canvas == 0).all(axis=2).sum()
    sizes = {(len(samples._tile(large[0], edge)), len(samples._tile(small[0], edge))) for edge in range(32, 193)}
    assert black in {20 * seen**2 + 4 * unseen**2 for seen, unseen in sizes if seen != unseen}


@pytest.mark.parametrize(("columns", "per_cell", "rows"), [(1, 1, 1), (5, 3, 12), (10, 3, 9), (10, 1, 2)])
def test_samples_can_be_printed(columns, per_cell, rows):
    cell = np.zeros((per_cell, 32, 32, 3), np.uint8)
    titles = [f"a photo of a middle-aged person wearing sunglasses {number}" for number in range(columns)]
    labels = {f"◆ color-matched-{number}\n100 %, after poison-25": [cell] * columns for number in range(rows)}
    numbers = [f"{number}.00" for number in range(columns)]
    other = Panel("culled, iteration 1\n342 of 900 rejected", numbers, {"a\nb\nc": [cell] * columns})
    figure = draw_panels([Panel("", titles, labels), other])
    assert_printable(figure)
    drawn = Counter(text.get_text().replace("\n", " ") for text in figure.axes[0].texts)
    assert all(drawn[title] == 1 for title in [*titles, *numbers])
    assert drawn[other.title.replace("\n", " ")] == 1


def write_sets(folder, images, cells):
    """Write real images of two groups, and as each cell's own the same reversed and darkened by the cell's number."""
    groups = ["man-young"] * 4 + ["man-old"] * 4
    ages = [group.partition("-")[2] for group in groups]
    table = pd.DataFrame({"file_name": [f"{i}.png" for i in range(8)], "group": groups, "age": ages, "text": groups})
    imageset.write(folder / "real.zip", table, images)
    for number, cell in enumerate(cells, start=1):
        imageset.write(folder / cell / "generated.zip", table, images[::-1] // number)
    return table


def test_samples_of_several_sets_are_the_same_slots(tmp_path, images, monkeypatch):
    write_sets(tmp_path, images, ["base/seed-0/iteration-0"])
    drawn: list[Panel] = []
    monkeypatch.setattr(draw_samples, "draw_panels", drawn.extend)
    draw_samples.main(
        sets=[tmp_path / "real.zip", tmp_path / "base/seed-0/iteration-0/generated.zip"],
        label=["real", "base"],
        real=tmp_path / "real.zip",
        groups=5,
        images=2,
        output=[],
    )
    (panel,) = drawn
    assert panel.columns == ["man-young", "man-old"]
    expected = {"real": [images[:2], images[4:6]], "base": [images[::-1][:2], images[::-1][4:6]]}
    np.testing.assert_equal(panel.rows, expected)


def test_only_the_group_asked_for_is_shown(tmp_path, images, monkeypatch):
    write_sets(tmp_path, images, [])
    drawn: list[Panel] = []
    monkeypatch.setattr(draw_samples, "draw_panels", drawn.extend)
    real = tmp_path / "real.zip"
    draw_samples.main(sets=[real], label=["real"], real=real, groups=1, images=9, group='{"age": "old"}', output=[])
    np.testing.assert_equal(drawn[0].rows, {"real": [images[4:]]})


def test_what_is_rejected_is_shown_worst_first_with_its_score(tmp_path, images, monkeypatch):
    write_sets(tmp_path, images, ["base/seed-0/iteration-0"])
    generated_by = tmp_path / "base/seed-0/iteration-0/generated.zip"
    scores = pd.Series([0.1, 3, 0.2, 2, 0.3, 0.4, 5, 0.5])
    step = tmp_path / "strict/seed-0/iteration-1/curation/1-cull.csv"
    csvs.write(step, decided(of_sets([generated_by], tmp_path), scores <= 1, score=scores, threshold=1.0))
    drawn: list[Panel] = []
    monkeypatch.setattr(draw_rejected, "draw_panels", drawn.extend)
    draw_rejected.main(
        tables=[step],
        root=tmp_path,
        real=tmp_path / "real.zip",
        images=2,
        output=[],
    )
    (panel,) = drawn
    assert panel.title == "strict, iteration 1, step 1-cull\n3 of 8 rejected"
    assert panel.columns == ["5", "3"]
    generated, real = panel.rows.values()
    np.testing.assert_equal(generated, [images[::-1][[6]], images[::-1][[1]]])
    np.testing.assert_equal(real, [images[[6]], images[[1]]])


def test_a_step_that_rejects_nothing_says_so():
    table = pd.DataFrame({"score": [0.1], "threshold": [1.0], "accepted": [True]})
    panel = samples.rejected_panel("culled, iteration 1", 1, rejections.of(table), NONE, NONE)
    assert panel.columns == ["none rejected"]
    assert_printable(draw_panels([panel]))


def test_what_a_step_without_scores_rejects_is_shown_without_numbers(images):
    table = pd.DataFrame({"score": np.nan, "threshold": np.nan, "accepted": [True] + [False] * 3})
    panel = samples.rejected_panel("halved", 4, rejections.of(table), images[:2], images[2:4])
    assert (panel.columns, list(panel.rows)) == (["", ""], ["rejected", "real images"])
    assert_printable(draw_panels([panel]))


@pytest.mark.parametrize(
    ("number", "places"), [(1, [3]), (2, [0, 6]), (3, [0, 3, 6]), (4, [0, 1, 3, 6]), (99, range(9))]
)
def test_slots_are_spread_over_the_groups(number, places):
    table = pd.DataFrame({"group": list("aaabbbccc"), "slot": range(9)})
    assert samples.spread(table, number)["slot"].tolist() == list(places)


def test_the_grid_takes_the_same_slots_from_every_cell(tmp_path, images, monkeypatch):
    real = pd.DataFrame({"file_name": [f"{i}.png" for i in range(8)], "group": ["old", "young"] * 4, "text": "t"})
    unseen = pd.DataFrame({"file_name": ["0.png", "1.png", "2.png"], "group": ["a", "a", "b"], "text": ["A", "A", "B"]})
    imageset.write(tmp_path / "real.zip", real, images)
    for number, cell in enumerate(("base/seed-0/iteration-0", "real/seed-0/iteration-1")):
        imageset.write(tmp_path / cell / "generated.zip", real, images[::-1] // (number + 1))
        imageset.write(tmp_path / cell / "unseen.zip", unseen, images[:3] // (number + 1))
    drawn: list[Panel] = []
    monkeypatch.setattr(draw_grid, "draw_panels", drawn.extend)
    draw_grid.main(
        generated=sorted(tmp_path.glob("*/*/*/generated.zip")),
        unseen=sorted(tmp_path.glob("*/*/*/unseen.zip")),
        real=tmp_path / "real.zip",
        arms='{"real": {"synthetic": 0}}',
        images=2,
        output=[],
    )
    start, iterations, end = drawn
    np.testing.assert_equal(start.rows, {"where all\narms start": [images[[0, 1]], images[[7, 6]]]})
    np.testing.assert_equal(iterations.rows, {"real\n0 % generated": [images[[7, 6]] // 2]})
    assert end.columns == ["A", "B"]
    last = [images[[0, 1]], images[[2]]]
    np.testing.assert_equal(end.rows, {"base model": last, "real\n0 % generated": [cell // 2 for cell in last]})


def test_prompts_are_wrapped_at_spaces_and_too_long_words_anywhere():
    lines = samples._wrap("a middle-aged Donaudampfschifffahrtskapitaen", 200).split("\n")
    assert lines[:2] == ["a", "middle-aged"]
    assert "".join(lines[2:]) == "Donaudampfschifffahrtskapitaen"
    assert all(samples._width(line) <= 200 for line in lines)


ODD = [
    "a man holding a $100 bill and a $5 coin",
    "costs $5_000^^ or $6{",
    "a % b \\\\ c # d & e ~ f",
    "a drawing\nof a woman\n",
    "a" * 300,
    "(empty prompt)",
]


def test_any_text_is_drawn_as_it_is_and_fits(tmp_path):
    cell = np.zeros((2, 32, 32, 3), np.uint8)
    rows = {"\n".join(["$a", "b" * 200, "x$"]): [cell] * len(ODD)}
    figure = draw_panels([Panel("$title$", ODD, rows)])
    assert_printable(figure)
    drawn = {"".join(text.get_text().split()) for text in figure.axes[0].texts}
    assert {"".join(text.split()) for text in [*ODD, "$title$", *rows]} <= drawn
    assert not any(text.get_parse_math() for text in figure.axes[0].texts)
    for suffix in ("png", "svg", "pdf"):
        save(figure, tmp_path / f"figure.{suffix}")


def test_a_blank_prompt_has_a_title():
    assert [samples.title_of(text) for text in ("", " \n", "NA")] == ["(empty prompt)", "(empty prompt)", "NA"]


@pytest.fixture
def font(tmp_path, monkeypatch):
    """An installed font that has U+E0AB, which matplotlib's own lack, as a full square."""
    pen = TTGlyphPen(None)
    for number, point in enumerate([(0, 0), (0, 1000), (1000, 1000), (1000, 0)]):
        (pen.lineTo if number else pen.moveTo)(point)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({0xE0AB: "square"})
    builder.setupGlyf({".notdef": square, "square": square})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "square": (1000, 0)})
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular", "psName": "Squares"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "squares.ttf")
    monkeypatch.setattr(style, "findSystemFonts", lambda: [str(tmp_path / "squares.ttf")])
    yield "Squares"
    style.fontManager.ttflist = [entry for entry in style.fontManager.ttflist if entry.name != "Squares"]


def test_an_installed_font_helps_out(font, tmp_path, capsys):
    assert style.further_fonts("a man \ue0ab\n") == [font]
    figure = draw_panels([Panel("", ["a \ue0ab"], {"row": [np.zeros((1, 8, 8, 3), np.uint8)]})])
    save(figure, tmp_path / "figure.svg")
    assert "#Squares-1" in (tmp_path / "figure.svg").read_text()
    assert not capsys.readouterr().err


def test_a_character_of_no_font_is_named(capsys):
    assert style.further_fonts("a \ue0ab, \ue0ac and \ue0ab") == []
    message = capsys.readouterr().err
    assert message.startswith("Warning: figures show boxes for 2 characters")
    assert "(U+E0AB)" in message
    assert "(U+E0AC)" in message


def test_common_text_asks_for_no_font(monkeypatch):
    monkeypatch.setattr(style, "findSystemFonts", lambda: pytest.fail("no need to look"))
    assert style.further_fonts("Größe, ≤ 30 °C, мужчина, رجل ◆") == []
