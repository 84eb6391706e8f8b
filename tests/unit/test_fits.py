"""Group fidelity: which images show the attributes of their prompts, by CLIP and by DeepFace."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scripts import classify_set
from scripts.lib.base import csvs, imageset
from scripts.lib.base.code import ROOT
from scripts.lib.dataset import avatars
from scripts.lib.dataset.classification import Classifier
from scripts.lib.dataset.classification import classify as classify_files
from scripts.lib.dataset.labels import Recipe
from scripts.lib.experiment.config.metrics import Metrics
from scripts.lib.metrics import group_fidelity
from scripts.lib.metrics.metric import Embedded
from scripts.lib.scoring.bootstrap import Resampling
from scripts.lib.scoring.fits import by_labels, by_prompts
from scripts.lib.scoring.scores import score
from tests.networks import write_color_networks

ATTRIBUTES = {"gender": ["man", "woman"], "age": ["young", "old"]}


def table_of(groups):
    """Return a table of images of groups such as ``man-old``, one per row."""
    rows = [(f"{at}.png", group, *group.split("-")) for at, group in enumerate(groups)]
    table = pd.DataFrame(rows, columns=["file_name", "group", *ATTRIBUTES])
    return table.assign(text="a photo of a " + table["age"] + " " + table["gender"])


GROUPS = ["man-young", "man-old", "woman-young", "woman-old"]
# The first axis is gender, the second age, the third what all prompts have in common.
TEXTS = np.array([[1, 1, 2], [1, -1, 2], [-1, 1, 2], [-1, -1, 2]], float)


def test_an_image_shows_the_value_whose_prompts_are_nearest():
    shown = 3 * TEXTS[[0, 1, 3, 2]]  # The last two have each other's age.
    found = by_prompts(table_of(GROUPS), shown, TEXTS, list(ATTRIBUTES))
    assert found.to_dict("list") == {"gender": [True] * 4, "age": [True, True, False, False]}


def test_values_that_the_prompts_do_not_tell_apart_are_not_judged():
    table = table_of(GROUPS)
    silent = table.assign(text="a photo of a " + table["gender"])
    assert list(by_prompts(silent, TEXTS, TEXTS[[0, 0, 2, 2]], list(ATTRIBUTES))) == ["gender"]
    of_men = table.head(2)
    assert list(by_prompts(of_men, TEXTS[:2], TEXTS[:2], list(ATTRIBUTES))) == ["age"], "nobody else is asked for"


def test_the_miniature_s_clip_tells_the_attributes_of_its_drawings():
    from scripts.lib.vision.clip_model import Clip

    table = pd.DataFrame(
        [(g, t, a) for g in avatars.ATTRIBUTES["gender"] for t in avatars.ATTRIBUTES["tone"] for a in ("young", "old")],
        columns=["gender", "tone", "age"],
    )
    table = pd.concat([table] * 5, ignore_index=True)
    table = table.assign(text=[avatars.caption(*row) for row in table.to_numpy()])
    table = table.assign(group=table["gender"] + table["tone"] + table["age"])
    rows = enumerate(zip(table["gender"], table["tone"], table["age"], strict=True))
    drawn = np.stack([avatars.draw(*row, f"fidelity-{at}", 32) for at, row in rows])
    clip = Clip(ROOT / "models/miniature/clip", 100)
    images, texts = clip.embed_images(drawn), clip.embed_texts(table["text"].tolist())
    found = by_prompts(table, images, texts, ["gender", "tone", "age"])
    assert found.mean().min() > 0.9
    assert by_prompts(table, images[::-1], texts, ["gender", "tone", "age"]).mean().max() < 0.9, "other images"


def test_the_share_is_of_all_attributes_in_the_whole_set_and_of_its_own_in_a_part():
    table = table_of(np.repeat(GROUPS, 3))
    rng = np.random.default_rng(0)
    features = rng.normal(size=(12, 4))
    right = pd.DataFrame({"gender": [True] * 8 + [False] * 4, "age": [False] * 2 + [True] * 10})
    images = Embedded(table, features, features, features, fits=right)
    settings = Metrics.model_validate({"neighbors": {"nearest_k": 2}})
    rows = score({"fid": images}, {"fid": images}, list(ATTRIBUTES), settings, Resampling(200, 0))
    found = {row.group: row for row in rows if row.metric == "group_fidelity"}
    shares = {group: row.value for group, row in found.items()}
    assert shares == {
        "all": 6 / 12,
        "gender=man": 1,
        "gender=woman": pytest.approx(2 / 6),
        "age=young": pytest.approx(4 / 6),
        "age=old": 1,
    }
    low, high = found["all"].low_images, found["all"].high_images
    assert low is not None
    assert high is not None
    assert low < 0.5 < high
    assert {row.features for row in found.values()} == {""}, "it compares no features"


def test_resamples_are_those_of_the_set_repeated():
    right = pd.DataFrame({"gender": [True, False, True]})
    one = np.ones((3, 1))
    images = Embedded(table_of(GROUPS[:3]), one, one, one, fits=right)
    counts = np.array([[1, 1, 1], [0, 3, 0], [3, 0, 0]])
    found = group_fidelity.resampled(images, group_fidelity.Settings(), counts)["group_fidelity"]
    assert found == pytest.approx([2 / 3, 0, 1])
    assert group_fidelity.compute(images._replace(fits=None), group_fidelity.Settings()) == {}


RECIPES = {
    "gender": Recipe("deepface", "gender", map={"Man": "man", "Woman": "woman"}),
    "age": Recipe("deepface", "age", cuts=[40]),
}


def test_a_label_of_deepface_becomes_a_value_as_it_did_for_the_real_images(tmp_path):
    table = table_of(GROUPS)
    labels = table[["file_name"]].assign(gender=["Man", "Man", "Man", "Woman"], age=["20", "39", "31", "40"])
    csvs.write(tmp_path / "labels.csv", labels)
    found = by_labels(table, tmp_path / "labels.csv", RECIPES, ATTRIBUTES)
    assert found.to_dict("list") == {"gender": [True, True, False, True], "age": [True, False, True, True]}
    dropped = {"gender": Recipe("deepface", "gender", map={"Man": "man"}, unmapped="drop")}
    assert (
        by_labels(table, tmp_path / "labels.csv", dropped, ATTRIBUTES)["gender"].tolist() == [True, True] + [False] * 2
    )
    with pytest.raises(ValueError, match=r"labels\.csv: has labels of other images; classify them again"):
        by_labels(table[::-1], tmp_path / "labels.csv", RECIPES, ATTRIBUTES)


@pytest.mark.parametrize("batch_size", [2, 100])
def test_an_image_set_has_the_labels_of_its_files(tmp_path, batch_size):
    write_color_networks(tmp_path / "weights")
    rng = np.random.default_rng(0)
    images = (rng.integers(0, 256, (5, 1, 1, 3)) + rng.integers(-20, 21, (5, 64, 64, 3))).clip(0, 255).astype(np.uint8)
    names = [f"{at}.png" for at in range(5)]
    imageset.write(tmp_path / "set.zip", pd.DataFrame({"file_name": names}), images)
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image).save(tmp_path / name)
    asked, output = ["age", "gender", "race"], tmp_path / "labels.csv"
    files = {"output": output, "provenance": tmp_path / "labels.json"}
    options = {"weights": tmp_path / "weights", "attribute": asked, "batch_size": batch_size}
    classify_set.main(images=tmp_path / "set.zip", **options, **files)
    expected = pd.concat(classify_files(names, tmp_path, Classifier(tmp_path / "weights", asked, 1), 8))
    assert csvs.read(output).equals(expected.drop(columns="reason").reset_index(drop=True))
    assert "seconds" in json.loads((tmp_path / "labels.json").read_text(encoding="utf-8"))
