"""Embeddings: the same bytes for the same images, and bound to the image set that they are of."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file

from scripts import draw_nearest, embed, score
from scripts.lib.base import csvs, imageset
from scripts.lib.base.code import ROOT

CLIP = ROOT / "models/miniature/clip"


@pytest.fixture
def sets(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    for name in ("one", "other"):
        names = [f"{name}-{number}.png" for number in range(8)]
        table = pd.DataFrame({"file_name": names, "group": "all", "text": "a drawing of a man"})
        imageset.write(tmp_path / f"{name}.zip", table, rng.integers(0, 256, (8, 32, 32, 3), np.uint8))
    return [tmp_path / "one.zip", tmp_path / "other.zip"]


def embedded(sets: list[Path], suffix: str) -> list[Path]:
    outputs = [path.with_suffix(suffix) for path in sets]
    embed.main(sets, network="clip", weights=CLIP, clip_score=True, output=outputs)
    return outputs


def test_the_same_images_give_the_same_bytes(sets):
    first, again = embedded(sets, ".first"), embedded(sets, ".again")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def scored(images: Path, clip: Path, reference: Path, reference_clip: Path, **settings: Any) -> dict[str, Any]:
    """Return the scores of a set in one feature space, by default that of its embeddings for the CLIP score."""
    arguments: dict[str, Any] = {
        "features": [clip],
        "reference_features": [reference_clip],
        "metrics": "{}",
        "output": images.with_name("scores.json"),
    } | settings
    score.main(
        images=images,
        clip=clip,
        reference=reference,
        reference_clip=reference_clip,
        space=["fid"],
        attribute=[],
        resamples=40,
        seed=0,
        **arguments,
    )
    content: dict[str, Any] = json.loads(arguments["output"].read_text(encoding="utf-8"))
    return content


def test_embeddings_of_other_images_are_refused(sets):
    (one, other), (features, others) = sets, embedded(sets, ".safetensors")
    metrics = '{"neighbors": {"nearest_k": 2}}'
    scored(one, features, other, others, metrics=metrics)
    with pytest.raises(ValueError, match=r"one\.safetensors has the embeddings of other images than those in .*other"):
        scored(other, features, one, features, metrics=metrics)


def test_embeddings_of_different_networks_are_not_compared(sets):
    """The reference's were made before `score.features` named another network."""
    clip, others = embedded(sets, ".safetensors")
    vae = [path.with_suffix(".vae") for path in sets]
    embed.main(sets, network="vae", weights=ROOT / "models/miniature/vae", output=vae)
    with pytest.raises(ValueError, match="different networks embedded them for fid"):
        scored(sets[0], clip, sets[1], others, reference_features=[vae[1]])


def test_a_cell_is_compared_with_the_different_images_of_its_training_set(sets, tmp_path):
    (one, other), output = sets, [tmp_path / f"{name}.safetensors" for name in ("one", "other", "training")]
    table = imageset.read_metadata(other).assign(images="other.zip")
    twice = pd.concat([table, table.head(3), imageset.read_metadata(one).assign(images="one.zip").head(1)])
    csvs.write(tmp_path / "training.csv", twice)
    training = {"training": tmp_path / "training.csv", "root": tmp_path}
    embed.main(sets, network="clip", weights=CLIP, clip_score=True, output=output, **training)
    arrays = load_file(output[2])
    assert arrays.keys() == {"features"}
    expected = np.concatenate([load_file(output[1])["features"], load_file(output[0])["features"][:1]])
    assert arrays["features"] == pytest.approx(expected, abs=1e-5), "each image once"

    def compared(held_out: bool) -> dict[str, float]:
        content = scored(one, output[0], other, output[1], training_features=[output[2]], held_out=held_out)
        pair = content["nearest"][0]
        assert pair["distance"] == pytest.approx(0, abs=1e-5)
        assert pair["training"] == f"one.zip/{pair['file_name']}", "the one image that trains"
        assert len(content["nearest"]) == 8
        return {row["metric"]: row["value"] for row in content["generated"]}

    (tmp_path / "a/seed-0/iteration-1").mkdir(parents=True)
    copied = {"one.zip": "generated.zip", "scores.json": "scores.json"}
    assert compared(held_out=True)["authenticity"] <= 100 * 7 / 8, "one image is in its training set"
    assert "nearest_training_gap" in compared(held_out=True)
    assert "nearest_training_gap" not in compared(held_out=False)
    for name, other_name in copied.items():
        shutil.copy(tmp_path / name, tmp_path / "a/seed-0/iteration-1" / other_name)
    figure = tmp_path / "nearest.png"
    cell = tmp_path / "a/seed-0/iteration-1"
    draw_nearest.main([cell / "scores.json"], generated=[cell / "generated.zip"], root=tmp_path, output=[figure])
    assert Image.open(figure).width > 1000


def test_a_training_set_that_is_an_image_set_names_its_images_by_their_path(sets, tmp_path):
    """The base model's: the figure of the nearest training images looks for them below the results' folder."""
    outputs = [tmp_path / "one.safetensors", tmp_path / "training.safetensors"]
    embed.main([sets[0]], network="clip", weights=CLIP, output=outputs, training=sets[1], root=tmp_path)
    with safe_open(outputs[1], "numpy") as file:
        names = json.loads(file.metadata()["embedding"])["file_names"]
    assert names == [f"other.zip/other-{number}.png" for number in range(8)]
