"""Embeddings: the same bytes for the same images, and bound to the image set that they are of."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

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
        attributes={},
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
    with pytest.raises(ValueError, match="two networks embedded them for fid"):
        scored(sets[0], clip, sets[1], others, reference_features=[vae[1]])


def trained_on(folder: Path, names: list[str], spaces: int = 1) -> dict[str, Any]:
    """Return the options that give `score` the embeddings of the sets that a training set names, in equal spaces."""
    sets = [f"{name}.zip" for name in names]
    return {"training_set": sets, "training_features": [folder / f"{name}.safetensors" for name in names] * spaces}


@pytest.fixture
def cell(sets, tmp_path) -> dict[str, Any]:
    """The embeddings of the sets, each once, and a training set that has images of both, some of them twice."""
    embedded(sets, ".safetensors")
    table = imageset.read_metadata(tmp_path / "other.zip").assign(images="other.zip")
    one = imageset.read_metadata(tmp_path / "one.zip").assign(images="one.zip")
    csvs.write(tmp_path / "training.csv", pd.concat([table, table.head(3), one.head(1)]))
    names = {"images": "one.zip", "clip": "one.safetensors", "reference": "other.zip"}
    paths = {key: tmp_path / name for key, name in names.items()}
    return paths | {"reference_clip": tmp_path / "other.safetensors", "training": tmp_path / "training.csv"}


def test_the_images_of_a_training_set_are_looked_up_in_the_embeddings_of_its_image_sets(cell, tmp_path):
    """The scores are those of embeddings of the training images themselves, each once."""
    found = scored(**cell, **trained_on(tmp_path, ["other", "one"]))
    assert scored(**cell, **trained_on(tmp_path, ["one", "other"])) == found, "the order of the sets says nothing"
    table = csvs.read(tmp_path / "training.csv").drop_duplicates()
    images = imageset.read_rows(table, tmp_path)
    imageset.write(tmp_path / "own.zip", table.drop(columns="images"), images)
    embedded([tmp_path / "own.zip"], ".safetensors")
    own = scored(**cell | {"training": None}, **trained_on(tmp_path, ["own"]))
    assert found["generated"] == own["generated"]
    named = [pair | {"training": f"own.zip/{pair['training'].split('/')[1]}"} for pair in found["nearest"]]
    assert named == own["nearest"]


def test_a_cell_is_compared_with_the_different_images_of_its_training_set(cell, tmp_path):
    def compared(held_out: bool) -> dict[str, float]:
        content = scored(**cell, **trained_on(tmp_path, ["other", "one"]), held_out=held_out)
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
    folder = tmp_path / "a/seed-0/iteration-1"
    draw_nearest.main([folder / "scores.json"], generated=[folder / "generated.zip"], root=tmp_path, output=[figure])
    assert Image.open(figure).width > 1000


def test_a_model_without_a_training_set_is_compared_with_all_images_of_a_set(cell, tmp_path):
    """The base model: the figure of the nearest training images looks for their names below the results' folder."""
    content = scored(**cell | {"training": None}, **trained_on(tmp_path, ["other"]))
    assert {pair["training"] for pair in content["nearest"]} <= {f"other.zip/other-{number}.png" for number in range(8)}


def test_a_training_image_without_an_embedding_is_refused(cell, tmp_path):
    with pytest.raises(ValueError, match=r"training\.csv: one\.zip/one-0\.png has no embedding for fid; embed its set"):
        scored(**cell, **trained_on(tmp_path, ["other"]))


def test_training_images_that_another_network_embedded_are_refused(cell, tmp_path):
    embed.main(
        [tmp_path / "other.zip"],
        network="clip_embedding",
        weights=CLIP,
        output=[tmp_path / "other-projected.safetensors"],
    )
    options = trained_on(tmp_path, ["one", "other"])
    options["training_features"][1] = tmp_path / "other-projected.safetensors"
    with pytest.raises(ValueError, match=r"other-projected\.safetensors: another network embedded"):
        scored(**cell, **options)
