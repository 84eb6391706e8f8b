"""The explorer's facts, styles and sheets of images; the page itself is tested in a browser."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scripts.lib.base import imageset
from scripts.lib.experiment.arms import Arm
from scripts.lib.experiment.cell import Cell
from scripts.lib.figures import chart, explorer, thumbnails
from scripts.lib.figures.training import training_of

ARMS = {
    "real": Arm(0),
    "few": Arm(0.1),
    "half": Arm(0.5),
    "all": Arm(1),
    "matched": Arm(1, ("match_histograms",), "diamond"),
    "culled": Arm(1, ("cull",), "square"),
    "healed": Arm(0, parent="half", from_iteration=5),
}
PAPER = re.search(r"--paper: light-dark\((#\w+), (#\w+)\)", (explorer.TEMPLATE / "style.css").read_text())


def luminance(color: str) -> float:
    """Return the relative luminance of #rrggbb (WCAG 2.2)."""
    channels = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_arms_stand_out_and_are_told_apart_by_lightness_alone(theme):
    assert PAPER is not None
    paper = PAPER[1] if theme == "light" else PAPER[2]
    found = chart.styles(ARMS)
    contrasts = [contrast(getattr(found[name], theme), paper) for name in ("real", "few", "half", "all")]
    assert contrasts[0] >= 4.5
    assert all(np.diff(contrasts) > 1), "the larger the share, the farther from the background"


def test_equal_shares_are_told_apart_by_shape_and_dashes():
    found = chart.styles(ARMS)
    looks = {(style.light, style.shape, style.sign, tuple(style.dash)) for style in found.values()}
    assert len(looks) == len(ARMS)
    assert (found["matched"].shape, found["culled"].shape) == ("diamond", "square"), "the paper's signs"
    assert [name for name, style in found.items() if not style.filled] == ["healed"]


def test_arms_of_one_sign_are_told_apart_by_their_dashes():
    arms = ARMS | {"matched-group": ARMS["matched"], "healed-all": ARMS["healed"]}
    found = chart.styles(arms)
    for one, other in (("matched", "matched-group"), ("healed", "healed-all")):
        assert found[one].sign == found[other].sign
        assert found[one].dash != found[other].dash


def test_the_chart_takes_its_data_and_its_colors_from_the_page():
    text = json.dumps(chart.chart(chart.styles(ARMS), ["base"]))
    assert '"name": "scores"' in text
    assert all(f"var(--arm-{number})" in text for number in range(len(ARMS)))
    assert "http" not in text.replace("https://vega.github.io/schema/", "")


def slots_of(groups):
    names = [f"{group}-{number}.png" for group, size in groups.items() for number in range(size)]
    owners = [group for group, size in groups.items() for _ in range(size)]
    return pd.DataFrame({"file_name": names, "group": owners, "text": [f"a {group}" for group in owners]})


def test_slots_are_the_first_of_each_group():
    found = thumbnails.slots(slots_of({"b": 3, "a": 1}), most=2)
    assert found.files == {"b": ["b-0.png", "b-1.png"], "a": ["a-0.png"]}
    assert found.texts == {"b": "a b", "a": "a a"}


@pytest.mark.parametrize("edge", [24, 8])
def test_each_image_lies_at_its_place_of_its_group_s_sheet(tmp_path, images, edge):
    table = slots_of({"a": 5, "b": 3})
    imageset.write(tmp_path / "set.zip", table, images)
    found = thumbnails.sheets(tmp_path / "set.zip", thumbnails.slots(table, 9).files, edge)
    assert list(found) == ["a", "b"]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(found["a"]))))
    assert sheet.shape == (2 * edge, 3 * edge, 3), "five images in three columns"
    for number in range(5):
        row, column = divmod(number, 3)
        seen = sheet[row * edge : (row + 1) * edge, column * edge : (column + 1) * edge].astype(float)
        small = np.asarray(Image.fromarray(images[number]).resize((edge, edge), Image.Resampling.LANCZOS))
        assert np.abs(seen - small).mean() < 8


def test_training_says_for_each_slot_what_it_trained_with():
    training = pd.DataFrame(
        [
            ("real", 0, "a-0.png", "a-0.png"),
            ("half", 1, "a-1.png", "a-1.png"),
            ("half", 1, "a-1.png", "a-2.png"),
            ("midjourney", 0, "a-4.png", "a-4.png"),
            ("half", 1, "b-0.png", "b-0.png"),
            ("real", 0, "b-0.png", "b-0.png"),
            ("real", 2, "b-1.png", "b-1.png"),
            ("real", 0, "b-2.png", "b-2.png"),
        ],
        columns=["origin", "iteration", "file_name", "slot"],
    ).assign(images=[*["a set"] * 7, "dataset/fresh/1.zip"])
    files = {"a": [f"a-{number}.png" for number in range(5)], "b": ["b-0.png", "b-1.png", "b-2.png"]}
    found = training_of(training, files, {"half", "real", "base"})
    counted = {"real": 3, "generated": 5, "origins": {"half": 3, "midjourney": 1, "real": 1}}
    assert found == counted | {"slots": {"a": "rgo-x", "b": "sgn"}}, "an arm may be called real"


def test_scores_of_arms_that_are_no_longer_in_the_experiment_are_left_out():
    columns = ["arm", "replicate", "iteration", "images", "group", "features", "metric", "value", "n"]
    rows = [[name, 0, 1, "generated", "all", "fid", "recall", 1 / 3, 9] for name in ("all", "gone", "base", "floor")]
    found = explorer.scores_of(pd.DataFrame(rows, columns=columns), ["all", "base"])
    assert [row[0] for row in found] == ["all", "base", "floor"]
    assert found[0][1:] == [0, 1, "generated", "all", "fid", "recall", 0.333333]


def test_an_arm_lives_from_its_first_to_its_last_cell():
    assert explorer.lifetimes([Cell("a", 0, 2), Cell("a", 1, 3), Cell("base", 0, 0)]) == {"a": (2, 3), "base": (0, 0)}


def test_full_size_images_are_the_set_s_own_bytes(tmp_path, images):
    table = slots_of({"a": 5, "b": 3})
    imageset.write(tmp_path / "set.zip", table, images)
    sets = [("arm/generated", tmp_path / "set.zip", thumbnails.slots(table, 9).files)]
    thumbnails.copy_images(sets, 2, tmp_path / "explorer")
    written = sorted(path.name for path in (tmp_path / "explorer/arm/generated").iterdir())
    assert written == ["a-0.png", "a-1.png", "b-0.png", "b-1.png"]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "explorer/arm/generated/b-1.png")), images[6])


def test_no_text_can_end_the_script_that_holds_it():
    facts = {"experiment": "<b>&", "edge": 32, "note": "</script><script>alert(1)</script>", "bases": []}
    page = explorer.render(facts, chart.styles(ARMS), [("x/generated", {"a": "AAAA"})])
    assert page.count("</script>") == page.count("<script")
    assert "<h1>&lt;b&gt;&amp;</h1>" in page
    [held] = re.findall(r'<script type="application/json" id="facts">(.*?)</script>', page)
    assert json.loads(held) == facts


def test_the_page_shows_the_real_images_of_each_replicate():
    shared, own = Path("results/a/dataset/images.zip"), [Path(f"results/a/dataset/seed-{n}/images.zip") for n in (2, 4)]
    assert explorer.real_sets([shared], [2, 4]) == dict.fromkeys([2, 4], "dataset/images")
    assert explorer.real_sets(own, [2, 4]) == {2: "dataset/seed-2/images", 4: "dataset/seed-4/images"}
