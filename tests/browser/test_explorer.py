"""The explorer in a real browser: every control does what it says, for everyone, and nothing leaves the page."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.browser.conftest import ARMS, CELLS, GROUPS, LAST, PER_GROUP, REPLICATES, Experiment, color, score

Open = Callable[..., Page]
START = "woman-old"


@pytest.fixture
def page(open_page: Open, page_file: Path) -> Page:
    return open_page(page_file)


def pictures(page: Page, selector: str) -> list[tuple[int, int, int]]:
    """Return the color at the middle of each canvas under a selector, once all are drawn."""
    page.wait_for_function("[...document.querySelectorAll('canvas')].every((canvas) => 'drawn' in canvas.dataset)")
    script = """(all) => all.map((canvas) => {
        const middle = canvas.width / 2;
        return [...canvas.getContext("2d").getImageData(middle, middle, 1, 1).data].slice(0, 3);
    })"""
    return [tuple(pixel) for pixel in page.eval_on_selector_all(f"{selector} canvas", script)]


def assert_shows(seen: list[tuple[int, int, int]], *expected: tuple[str, str]) -> None:
    """Assert that pictures are those images (set, file), up to what the compression changes."""
    assert len(seen) == len(expected)
    np.testing.assert_allclose(seen, [color(*image) for image in expected], atol=10)


def generated(arm: str, iteration: int, replicate: int = 0) -> str:
    return f"{arm}/seed-{replicate}/iteration-{iteration}/generated"


def slot(group: str, index: int) -> str:
    return f"{group}-{index:04d}.png"


def slots(group: str) -> list[str]:
    return [slot(group, index) for index in range(PER_GROUP)]


def drawn_rows(page: Page) -> list[dict]:
    """Return the rows that the chart has been given."""
    return page.evaluate("document.querySelector('#chart').view.data('scores')")


def control(page: Page, name: str) -> Locator:
    return page.get_by_role("combobox", name=name, exact=True)


def box_of(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box, f"{locator} is not shown"
    return box


def cell(page: Page, name: str) -> Locator:
    return page.locator(f'#cells button[data-cell="{name}"]')


def mean_score(arm: str, iteration: int, images: str, group: str, metric: str) -> str:
    value = np.mean([score(arm, replicate, iteration, images, group, metric) for replicate in REPLICATES])
    return np.format_float_positional(value, precision=3, fractional=False, trim="k")


# --- What it shows at first --------------------------------------------------------------------


def test_the_page_says_what_the_experiment_has(page: Page):
    expect(page.locator("h1")).to_have_text("made-up")
    expect(page.locator("#lead")).to_contain_text(f"5 arms, {len(CELLS) * 2} cells, 2 replicates.")
    expect(page.locator("#lead")).to_contain_text(f"{len(GROUPS) * PER_GROUP} images of 16 × 16 pixels")
    expect(page.locator("#footer")).to_contain_text("The images are single colors.")


def test_it_starts_with_the_largest_share_beside_the_smallest(page: Page):
    expect(page.locator("#columns h3")).to_have_text(["all, iteration 2", "real, iteration 2"])
    expected = [(generated(arm, 2), file) for arm in ("all", "real") for file in slots(START)]
    assert_shows(pictures(page, "#columns"), *expected)


def test_small_images_are_enlarged_by_a_whole_factor_without_smoothing(page: Page):
    tile = page.locator("#columns canvas").first
    assert box_of(tile)["width"] == 64
    assert tile.evaluate("(node) => [node.width, getComputedStyle(node).imageRendering]") == [16, "pixelated"]


# --- Scores --------------------------------------------------------------------------------------


def test_the_table_has_the_numbers_of_the_chart(page: Page):
    for arm, iteration in CELLS:
        expected = mean_score(arm, iteration, "generated", "all", "frechet_distance")
        expect(cell(page, f"{arm}/{iteration}")).to_have_text(expected)
    assert len(drawn_rows(page)) == 1 + 2 * (len(CELLS) + len(ARMS)), "the floor, each cell, and each line's start"


def test_every_line_starts_where_its_arm_does(page: Page):
    starts = {(row["arm"], row["iteration"]) for row in drawn_rows(page) if row["start"]}
    assert starts == {("real", 0), ("half", 0), ("all", 0), ("culled", 0), ("healed", 2)}


def test_choosing_a_metric_changes_chart_and_table(page: Page):
    control(page, "Metric").select_option("generated/fid/vendi_score")
    expect(page.locator("#chart-title")).to_contain_text("Vendi score, all groups")
    expect(cell(page, "all/1")).to_have_text(mean_score("all", 1, "generated", "all", "vendi_score"))
    drawn = [row["value"] for row in drawn_rows(page) if row["arm"] == "all" and row["iteration"] == 1]
    expected = [score("all", replicate, 1, "generated", "all", "vendi_score") for replicate in REPLICATES]
    assert drawn == pytest.approx(expected, rel=1e-5)


def test_the_unseen_prompts_have_scores_of_their_own(page: Page):
    control(page, "Metric").select_option("unseen//clip_score")
    expect(page.locator("#chart-title")).to_contain_text("CLIP score of the unseen prompts")
    expect(cell(page, "real/2")).to_have_text(mean_score("real", 2, "unseen", "all", "clip_score"))


def test_choosing_a_group_changes_scores_and_images(page: Page):
    control(page, "Group").select_option("gender=man")
    expect(cell(page, "half/2")).to_have_text(mean_score("half", 2, "generated", "gender=man", "frechet_distance"))
    expect(control(page, "Images of")).to_have_value("man-young")
    assert_shows(pictures(page, "#preview")[:1], (generated("all", 2), slot("man-young", 0)))
    offered = control(page, "Images of").locator("option").all_text_contents()
    assert offered == ["every group (2)", "man, young", "man, old"]


def test_a_metric_without_scores_of_the_group_goes_back_to_all_groups(page: Page):
    control(page, "Group").select_option("gender=man")
    control(page, "Metric").select_option("unseen//clip_score")
    expect(control(page, "Group")).to_have_value("all")


def test_a_tick_draws_an_arm(page: Page):
    page.get_by_role("checkbox", name="half").uncheck()
    assert {row["arm"] for row in drawn_rows(page)} == {"floor", "base", "real", "all", "culled", "healed"}
    assert page.locator("#strip tbody th").all_text_contents() == ["real", "all", "culled", "healed"]
    page.get_by_role("button", name="Draw none").click()
    assert {row["arm"] for row in drawn_rows(page)} == {"floor", "base"}
    expect(page.locator("#strip-note")).to_contain_text("No arm is ticked")
    page.get_by_role("button", name="Draw all arms").click()
    assert {row["arm"] for row in drawn_rows(page)} == {"floor", "base", *ARMS}
    expect(page.locator("#cells input:checked")).to_have_count(len(ARMS))


def test_arms_the_floor_and_every_replicate_are_drawn(page: Page):
    assert page.locator("#chart svg .mark-line path").count() == len(ARMS) + 1
    assert page.locator("#chart svg .mark-rule.role-mark line").count() == 1
    expect(page.locator("#chart svg")).to_contain_text("real images")
    strokes = page.eval_on_selector_all(
        "#chart svg .mark-line path", "(all) => all.map((one) => getComputedStyle(one).stroke)"
    )
    assert len(set(strokes)) == 4, "three shares and the base model"


def place_of(page: Page, name: str) -> tuple[float, float]:
    """Return the place of a cell's point on the screen."""
    arm, iteration = name.split("/")
    box = box_of(page.locator("#chart svg"))
    rows = [row for row in drawn_rows(page) if (row["arm"], row["iteration"]) == (arm, int(iteration))]
    x, y = page.evaluate(
        """([iteration, value]) => {
            const { view } = document.querySelector("#chart");
            const [left, top] = view.origin();
            return [left + view.scale("x")(iteration), top + view.scale("y")(value)];
        }""",
        [rows[0]["iteration"], rows[0]["value"]],
    )
    return box["x"] + x, box["y"] + y


def test_pointing_at_a_point_shows_its_images_and_leaving_goes_back(page: Page):
    page.mouse.move(*place_of(page, "half/1"))
    expect(page.locator("#preview-title")).to_have_text("half, iteration 1")
    assert_shows(pictures(page, "#preview"), *[(generated("half", 1), file) for file in slots(START)])
    page.mouse.move(5, 5)
    expect(page.locator("#preview-title")).to_have_text("all, iteration 2")


def test_clicking_a_point_chooses_its_cell(page: Page):
    page.mouse.click(*place_of(page, "culled/1"))
    expect(page.locator("#columns h3").first).to_have_text("culled, iteration 1")
    expect(cell(page, "culled/1")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("status")).to_contain_text("culled, iteration 1: Fréchet distance")


def test_clicking_a_number_chooses_its_cell(page: Page):
    cell(page, "healed/3").click()
    expect(control(page, "Arm")).to_have_value("healed")
    expect(control(page, "Iteration")).to_have_value("3")
    expect(page.locator("#columns .note").first).to_have_text(f"trained on {len(GROUPS) * PER_GROUP} real images")


def test_a_replicate_shows_its_own_images(page: Page):
    control(page, "Replicate").select_option("3")
    assert_shows(pictures(page, "#preview")[:1], (generated("all", 2, replicate=3), slot(START, 0)))


# --- Images of a cell ----------------------------------------------------------------------------


def test_arm_and_iteration_choose_a_cell(page: Page):
    control(page, "Arm").select_option("half")
    control(page, "Iteration").select_option("1")
    expect(page.locator("#columns h3").first).to_have_text("half, iteration 1")
    assert_shows(pictures(page, "#columns")[:1], (generated("half", 1), slot(START, 0)))
    control(page, "Iteration").select_option("0")
    expect(page.locator("#columns h3").first).to_have_text("base model")


def test_early_iterations_of_a_healed_arm_are_its_parent_s(page: Page):
    control(page, "Arm").select_option("healed")
    expect(control(page, "Iteration")).to_have_value("3")
    control(page, "Iteration").select_option("1")
    expect(page.locator("#columns h3").first).to_have_text("half, iteration 1")


def test_two_arms_stand_side_by_side(page: Page):
    control(page, "Compare with").select_option("healed")
    expect(page.locator("#columns h3")).to_have_text(["all, iteration 2", "half, iteration 2"])
    left, right = (box_of(box) for box in page.locator("#columns > div").all())
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    control(page, "Compare with").select_option("")
    expect(page.locator("#columns h3")).to_have_text(["all, iteration 2"])


def test_every_group_can_be_seen_at_once(page: Page):
    control(page, "Images of").select_option("")
    expect(page.locator("#columns > div").first.locator("h4")).to_have_count(len(GROUPS))
    expected = [(generated(arm, 2), file) for arm in ("all", "real") for group in GROUPS for file in slots(group)]
    assert_shows(pictures(page, "#columns"), *expected)


# --- Film strip ----------------------------------------------------------------------------------


def strip_of(name: str, file: str) -> list[tuple[str, str]]:
    """Return the frames of an arm's film strip: the real image, the base model's, its ancestors' and its own."""
    frames = [("dataset/images", file), (generated("base", 0), file)]
    owners = [ARMS[name].get("parent", "")] * ARMS[name].get("from_iteration", 0)
    owners += [name] * (LAST[name] - len(owners))
    return frames + [(generated(owner, at), file) for at, owner in enumerate(owners, start=1)]


def test_the_film_strip_follows_one_slot_through_every_arm(page: Page):
    for row, name in zip(page.locator("#strip tbody tr").all(), ARMS, strict=True):
        expect(row.locator("th")).to_have_text(name)
    assert_shows(pictures(page, "#strip"), *[frame for name in ARMS for frame in strip_of(name, slot(START, 0))])
    expect(page.locator("#strip td.inherited")).to_have_count(2)


def test_clicking_an_image_follows_it(page: Page):
    page.locator("#columns button").nth(2).click()
    expect(control(page, "Image")).to_have_value(slot(START, 2))
    assert_shows(pictures(page, "#strip tbody tr:nth-child(3)"), *strip_of("all", slot(START, 2)))
    expect(page.locator("#columns button[aria-pressed=true]")).to_have_count(2)


def test_image_previous_and_next_choose_the_slot(page: Page):
    control(page, "Image").select_option(slot("man-young", 0))
    assert_shows(pictures(page, "#strip tbody tr:nth-child(1)"), *strip_of("real", slot("man-young", 0)))
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.get_by_role("button", name="Next").click()
    expect(control(page, "Image")).to_have_value(slot("man-young", 1))
    expect(page.locator("#strip-prompt")).to_have_text("a photo of a man young person")
    page.get_by_role("button", name="Previous").click()
    assert_shows(pictures(page, "#strip tbody tr:nth-child(1)"), *strip_of("real", slot("man-young", 0)))


def test_a_frame_says_what_its_slot_trained_with_and_shows_its_cell(page: Page):
    def signs(row: int) -> list[str]:
        texts = page.locator(f"#strip tbody tr:nth-child({row}) .under").all_text_contents()
        return [text.strip() for text in texts]

    assert signs(2) == ["", "", "●", "●"], "half: the first four of eight slots"
    assert signs(4) == ["", "", "◐", "◐"], "culled, replaced"
    assert signs(5) == ["", "", "●", "●", "○", "○"], "healed"
    page.get_by_role("button", name="Next").click()
    assert signs(4) == ["", "", "×", "×"], "culled, left out"
    page.locator("#strip tbody tr:nth-child(5) button").nth(3).click()
    expect(page.locator("#columns h3").first).to_have_text("healed, iteration 3")


# --- Unseen prompts, cull ------------------------------------------------------------------------


def test_unseen_prompts_show_the_base_model_and_the_chosen_cells(page: Page):
    cell(page, "half/1").click()
    heads = page.locator("#unseen thead th").all_text_contents()
    assert heads == ["prompt", "base model", "half, iteration 1", "real, iteration 1"]
    sets = [
        f"{name}/unseen" for name in ("base/seed-0/iteration-0", "half/seed-0/iteration-1", "real/seed-0/iteration-1")
    ]
    expected = [(name, f"prompt-{at}-{number:04d}.png") for at in (0, 1) for name in sets for number in (0, 1)]
    assert_shows(pictures(page, "#unseen"), *expected)
    expect(page.locator("#unseen tbody th").first).to_have_text("a photo of a cat </script>")


def test_the_cull_shows_what_it_removed_worst_first(page: Page):
    expect(control(page, "Training set")).to_have_value("culled/seed-/iteration-2/1-cull")
    note = "Of the 32 candidates for culled, iteration 2, the step 1-cull rejected 28. Their scores lie above 0.750."
    expect(page.locator("#rejected-note")).to_contain_text(note)
    expect(page.locator("#rejected li")).to_have_count(24)
    texts = page.locator("#rejected li").all_text_contents()
    assert texts[:3] == ["2.00replaced by image 3", "1.97left out", "1.90replaced by image 3"]
    first = slot(GROUPS[0], 0)
    assert_shows(pictures(page, "#rejected li:first-child"), (generated("culled", 1), first), ("dataset/images", first))

    page.get_by_role("button", name="Show all 28").click()
    expect(page.locator("#rejected li")).to_have_count(28)
    control(page, "Training set").select_option("culled/seed-/iteration-1/1-cull")
    assert_shows(pictures(page, "#rejected li:first-child")[:1], (generated("base", 0), first))
    control(page, "Removed from").select_option(START)
    expect(page.locator("#rejected li")).to_have_count(7)
    expect(page.get_by_role("button", name="Show all")).to_be_hidden()
    page.locator("#rejected button").first.click()
    expect(control(page, "Image")).to_have_value(slot(START, 0))


# --- For everyone --------------------------------------------------------------------------------


def test_the_keyboard_reaches_and_moves_through_everything(page: Page):
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip the scores")).to_be_focused()
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.closest('[id]')?.id"))
    order = ["metric", "scored", "replicate", "cells", "all-arms", "no-arms", "arm", "iteration", "beside", "group"]
    order += ["columns", "slot", "slot-after", "strip", "judgment", "rejected-group", "rejected", "more-rejected"]
    assert [name for name in dict.fromkeys(reached) if name in order] == order

    cell(page, "all/2").focus()
    page.keyboard.press("ArrowLeft")
    expect(cell(page, "all/1")).to_be_focused()
    expect(page.locator("#preview-title")).to_have_text("all, iteration 1")
    page.keyboard.press("ArrowUp")
    expect(cell(page, "half/1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#columns h3").first).to_have_text("half, iteration 1")
    expect(cell(page, "half/1")).to_be_focused()
    page.keyboard.press("End")
    expect(cell(page, "healed/4")).to_be_focused()

    tiles = page.locator("#columns > div").first.locator("button")
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(control(page, "Image")).to_have_value(slot(START, 1))
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("Home")
    expect(tiles.first).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_names_roles_and_contrast_pass_axe(open_page: Open, page_file: Path, scheme: str, width: int):
    page = open_page(page_file, width=width, color_scheme=scheme)
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()


def test_every_picture_says_what_it_shows(page: Page):
    unnamed = """(all) => all.filter((canvas) =>
        !canvas.ariaLabel && !canvas.closest("button")?.ariaLabel).length"""
    assert page.eval_on_selector_all("canvas", unnamed) == 0
    page.get_by_role("img", name="image 1, woman, old, the real image").first.wait_for()
    page.get_by_role(
        "button", name="image 2, woman, old, all, iteration 2: follow it through the iterations"
    ).wait_for()


def test_light_and_dark_follow_the_system(open_page: Open, page_file: Path):
    def colors(scheme: str) -> list[str]:
        page = open_page(page_file, color_scheme=scheme)
        line = page.locator("#chart svg .mark-line path").first
        return [
            page.locator("body").evaluate("(body) => getComputedStyle(body).backgroundColor"),
            line.evaluate("(line) => getComputedStyle(line).stroke"),
        ]

    light, dark = colors("light"), colors("dark")
    assert light[0] == "rgb(253, 253, 252)"
    assert dark[0] == "rgb(21, 23, 27)"
    assert light[1] != dark[1]


@pytest.mark.parametrize("group", ["", START])
def test_a_phone_scrolls_down_and_not_sideways(open_page: Open, page_file: Path, group: str):
    page = open_page(page_file, width=360, height=740, has_touch=True, is_mobile=True)
    control(page, "Images of").select_option(group)
    pictures(page, "#columns")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    beyond = """(all) => all.filter((node) => node.getBoundingClientRect().right > 361 && !node.closest(".scroll"))
        .map((node) => node.outerHTML.slice(0, 80))"""
    assert page.eval_on_selector_all("body *:not(.for-readers, svg *)", beyond) == []
    assert box_of(page.locator("#chart svg"))["width"] <= 330


# --- The file ------------------------------------------------------------------------------------


def test_it_paints_at_once_and_decodes_only_what_it_shows(page: Page):
    [painted] = page.evaluate("performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime)")
    assert painted < 2000
    assert page.locator("script[data-set]").count() == 1 + 2 * len(CELLS) * len(REPLICATES)
    pictures(page, "#columns")
    shown = page.eval_on_selector_all(
        "canvas", "(all) => new Set(all.map((one) => one.dataset.drawn.replace(/.[^/]*$/, ''))).size"
    )
    assert shown < 30


def test_the_page_itself_forbids_the_network(page: Page):
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert str(policy).startswith("default-src 'none'; img-src data:;")
    assert not page.locator("[src], link[href^=http], script[src]").count()


def test_larger_images_lie_beside_the_page_in_full_size(open_page: Open, experiment: Experiment, tmp_path: Path):
    folder = tmp_path / "explorer"
    file = experiment.build(tmp_path / "explorer.html", thumbnail=8, images=4, full_size=2, full_size_folder=folder)
    page = open_page(file)
    expect(page.locator("#footer")).to_contain_text("reduced to 8 pixels; it has 16 of each cell's 32")
    assert_shows(pictures(page, "#columns")[:1], (generated("all", 2), slot(START, 0)))

    links = page.locator("#strip tbody tr").first.get_by_role("link", name="full size")
    expect(links).to_have_count(2 + LAST["real"])
    with page.expect_popup() as popup:
        links.nth(1).click()
    name = f"{generated('base', 0)}/{slot(START, 0)}"
    assert popup.value.url == (folder / name).as_uri()
    assert popup.value.evaluate("document.images[0].naturalWidth") == 16
    control(page, "Image").select_option(slot(START, 2))
    expect(links).to_have_count(0)
    assert len(list(folder.rglob("*.png"))) == 2 * len(GROUPS) * (1 + 2 * len(CELLS)) + 2 * 2 * 2 * len(CELLS)


def test_a_page_of_one_feature_space_does_not_ask_for_it(page: Page):
    expect(page.locator("#spaces")).to_be_hidden()


def test_each_of_several_feature_spaces_has_its_own_metrics(open_page: Open, experiment: Experiment, tmp_path: Path):
    scores = pd.read_csv(experiment.results / "scores.csv", keep_default_na=False)
    dino = scores[scores["features"] == "fid"].assign(features="dino", value=lambda table: 2 * table["value"])
    pd.concat([scores, dino]).to_csv(tmp_path / "scores.csv", index=False)
    page = open_page(experiment.build(tmp_path / "explorer.html", scores=tmp_path / "scores.csv"))
    labels = page.locator("#metric optgroup").evaluate_all("(groups) => groups.map((group) => group.label)")
    assert labels == ["generated images", "unseen prompts"]
    offered = page.locator("#metric option")
    of_one = offered.count()
    expect(control(page, "Metric")).to_have_value("generated/fid/frechet_distance")
    control(page, "Features").select_option("dino")
    expect(control(page, "Metric")).to_have_value("generated/dino/frechet_distance")
    expect(offered).to_have_count(of_one)
    expect(page.locator("#chart-title")).to_contain_text("Fréchet distance in the features dino, all groups")
    values = [2 * score("all", replicate, 1, "generated", "all", "frechet_distance") for replicate in REPLICATES]
    shown = np.format_float_positional(np.mean(values), precision=3, fractional=False, trim="k")
    expect(cell(page, "all/1")).to_have_text(shown)
    control(page, "Metric").select_option("generated//clip_score")
    control(page, "Features").select_option("fid")
    expect(control(page, "Metric")).to_have_value("generated//clip_score")  # It compares no features.
