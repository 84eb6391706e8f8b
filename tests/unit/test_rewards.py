"""Scores of single images: of CLIP, of a probe of groups, and of a table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.special import softmax

from scripts import reward as script
from scripts.lib.base import csvs, imageset
from scripts.lib.base.code import ROOT
from scripts.lib.networks import clip
from scripts.lib.rewards import clip_score, group_probability, table
from scripts.lib.rewards.group_probability import probe

CLIP = {"features": {"network": "clip", "weights": str(ROOT / "models/miniature/clip")}}
IMAGES = "a/seed-0/iteration-1/generated.zip"


# --- CLIP score -----------------------------------------------------------------------------------


def test_the_clip_score_is_the_cosine_that_the_model_itself_gives(images):
    from PIL import Image
    from torch import float32, no_grad
    from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizer

    folder = CLIP["features"]["weights"]
    texts = ["a drawing of a young man with dark skin", "a drawing of an old woman with light skin"] * 4
    found = clip_score.reward(pd.DataFrame({"text": texts}), images, clip_score.Settings(**CLIP), Path(), 3)
    model, tokenizer = CLIPModel.from_pretrained(folder, dtype=float32), CLIPTokenizer.from_pretrained(folder)
    pixels = CLIPImageProcessor.from_pretrained(folder)([Image.fromarray(one) for one in images], return_tensors="pt")
    tokens = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
    with no_grad():
        output = model(**tokens, pixel_values=pixels["pixel_values"])
    expected = 100 * (output.image_embeds * output.text_embeds).sum(1).numpy()
    assert found == pytest.approx(expected, abs=1e-3)
    assert len(set(found.round(3))) == 8


def test_the_clip_score_needs_a_clip():
    with pytest.raises(ValidationError, match="the CLIP score needs `clip`"):
        clip_score.Settings(features={"network": "vae", "weights": "vae"})


# --- Probability of a group -----------------------------------------------------------------------


def test_the_probe_is_where_the_gradient_of_its_loss_vanishes():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(60, 4)) * [1, 5, 0.1, 2] + 3, np.arange(60) % 3
    features[:, 0] += labels
    chances = probe(features, labels, features, 0.1)
    assert chances.sum(1) == pytest.approx(1)
    standard = (features - features.mean(0)) / features.std(0)
    residual = (chances - np.eye(3)[labels]) / 60
    assert residual.sum(0) == pytest.approx(0, abs=1e-4), "the bias is not penalized"
    weights = -(standard.T @ residual) / 0.1
    bias = np.log(chances) - standard @ weights
    bias -= bias.mean(1, keepdims=True)
    assert bias == pytest.approx(np.tile(bias[0], (60, 1)), abs=5e-3), "the weights are those that the slope implies"
    assert softmax(standard @ weights + bias[0], axis=1) == pytest.approx(chances, abs=2e-3)


def test_a_probe_separates_what_is_apart_and_guesses_what_is_equal():
    labels = np.array([0, 0, 1, 1])
    apart = probe(np.array([[0.0], [0.1], [1.0], [1.1]]), labels, np.array([[0.0], [1.0]]), 1e-4)
    assert apart.argmax(1).tolist() == [0, 1]
    assert apart.max(1).min() > 0.99
    assert probe(np.ones((4, 2)), labels, np.ones((1, 2)), 0.01) == pytest.approx(0.5)


@pytest.fixture
def groups(tmp_path, images, monkeypatch):
    """Real images of two groups that the mean color of blocks tells apart, pixels as features."""
    monkeypatch.setattr(clip, "extractor", lambda _, __: lambda part: part.mean((1, 2)))
    metadata = pd.DataFrame({"file_name": [f"{i}.png" for i in range(8)], "gender": ["man", "woman"] * 4})
    metadata["group"] = metadata["gender"] + "-old"
    dark = images // 4 + 100 * (np.arange(8) % 2)[:, None, None, None].astype(np.uint8)
    imageset.write(tmp_path / "real.zip", metadata, dark)
    return metadata, dark, tmp_path / "real.zip"


def test_the_probability_is_of_the_own_group_or_of_an_attribute(groups):
    metadata, images, real = groups
    own = group_probability.reward(metadata, images, group_probability.Settings(**CLIP), real, 4)
    assert (own > 0.5).all()
    of_women = group_probability.Settings(**CLIP, of={"gender": "woman"})
    women = group_probability.reward(metadata, images, of_women, real, 4)
    assert women == pytest.approx(np.where(metadata["gender"] == "woman", own, 1 - own))
    swapped = group_probability.reward(metadata, images[::-1], group_probability.Settings(**CLIP), real, 4)
    assert swapped == pytest.approx(1 - own[::-1])


@pytest.mark.parametrize(
    ("of", "message"),
    [({"gender": "cat"}, r"of\.gender: it is 'cat', but must be one of \['man'\]"), ({"hat": "red"}, "an attribute")],
)
def test_an_attribute_that_images_do_not_have_is_refused(of, message):
    with pytest.raises(ValueError, match=message):
        group_probability.check(group_probability.Settings(**CLIP, of=of), {"gender": ["man"]})


def test_the_probe_needs_vectors():
    with pytest.raises(ValidationError, match="reads one vector per image"):
        group_probability.Settings(features={"network": "vae", "weights": "vae"})


# --- Table ----------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a table and gives its settings."""
    table._read.cache_clear()

    def write(text: str, **settings: str) -> table.Settings:
        (tmp_path / "scores.csv").write_text(text, encoding="utf-8")
        table._read.cache_clear()
        return table.Settings(path=str(tmp_path / "scores.csv"), **settings)

    return write


ROWS = f"file_name,images,score,votes\n0.png,{IMAGES},0.5,7\n1.png,{IMAGES},2,8\n0.png,dataset/images.zip,3,9\n"


def test_the_scores_of_a_table_are_those_of_the_set_in_the_order_of_its_images(written):
    metadata = pd.DataFrame({"file_name": ["1.png", "0.png"], "images": IMAGES})
    assert table.reward(metadata, np.empty(0), written(ROWS), Path(), 1).tolist() == [2, 0.5]
    assert table.reward(metadata, np.empty(0), written(ROWS, column="votes"), Path(), 1).tolist() == [8, 7]


def test_an_image_without_a_row_is_named(written):
    metadata = pd.DataFrame({"file_name": ["1.png", "2.png"], "images": IMAGES})
    with pytest.raises(
        ValueError, match=r"scores\.csv: no row for 1 images of a/.*/generated\.zip, .* is 2\.png; score"
    ):
        table.reward(metadata, np.empty(0), written(ROWS), Path(), 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file_name,score\n", r"no column \['images'\]"),
        (ROWS + f"0.png,{IMAGES},1,1\n", rf"0\.png of {IMAGES} has more than one row"),
        (ROWS + "2.png,x.zip,nan,1\n", r"score: 2\.png has 'nan', which is no finite number"),
        (ROWS + "2.png,x.zip,,1\n", r"score: 2\.png has '', which is no finite number"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(written, text, message):
    with pytest.raises(ValueError, match=message):
        table.check(written(text), {})


def test_a_table_that_is_not_there_is_refused_with_its_first_line(tmp_path):
    with pytest.raises(ValueError, match=r"no such file; write a CSV with the columns images, file_name, p, to begin"):
        table.check(table.Settings(path=str(tmp_path / "none.csv"), column="p"), {})


def test_rows_of_other_sets_change_no_identity(written):
    before = table.identity(written(ROWS), IMAGES)
    assert table.identity(written(ROWS + "0.png,other.zip,1,1\n"), IMAGES) == before
    assert table.identity(written(ROWS.replace("0.5", "0.6")), IMAGES) != before


def test_the_script_tells_a_reward_which_set_it_scores(written, tmp_path, images):
    imageset.write(tmp_path / IMAGES, pd.DataFrame({"file_name": ["1.png", "0.png"]}), images[:2])
    settings = written(ROWS).model_dump_json()
    output = tmp_path / "generated-table.csv"
    path = tmp_path / IMAGES
    script.main(path, "table", settings, real=path, root=tmp_path, batch_size=1, output=output)
    found = csvs.read(output, {"score": float})
    assert found.to_dict("list") == {"images": [IMAGES] * 2, "file_name": ["1.png", "0.png"], "score": [2.0, 0.5]}
