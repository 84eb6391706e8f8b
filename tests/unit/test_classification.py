"""Batched classification against DeepFace's own, on networks that read the mean color."""

import hashlib
import json
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from PIL import Image

from scripts import catalogue, classify, list_images, read_labels
from scripts.lib.base.deepface import DEEPFACE_WEIGHTS, check_deepface
from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.dataset.classification import Classifier, prepare
from scripts.lib.dataset.classification import classify as classify_files
from tests.networks import write_color_networks

ASKED = ["age", "gender", "race"]
RACES = {"latino hispanic": "hispanic"} | {race: race for race in ("asian", "black", "indian", "white")}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home of DeepFace with networks in it."""
    folder = tmp_path_factory.mktemp("home")
    write_color_networks(folder / ".deepface/weights")
    return folder


@pytest.fixture(scope="module")
def weights(home):
    return home / ".deepface/weights"


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Twenty-three images of as many colors in FFHQ's folders, some not square, one damaged."""
    folder = tmp_path_factory.mktemp("ffhq")
    rng = np.random.default_rng(0)
    for number in range(23):
        path = folder / f"{number // 10:05d}" / f"{number:05d}.png"
        path.parent.mkdir(exist_ok=True)
        pixels = rng.integers(0, 256, 3) + rng.integers(-20, 21, (256 + 8 * (number % 3), 256, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    damaged = folder / "00001/00013.png"
    damaged.write_bytes(damaged.read_bytes()[:5000])
    return folder


def names_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def test_batches_have_the_labels_of_deepface_s_own_analysis(home, weights, faces, monkeypatch):
    monkeypatch.setenv("DEEPFACE_HOME", str(home))
    monkeypatch.setenv("DEEPFACE_BACKEND_ENGINE", "onnx")
    from deepface import DeepFace

    names = names_of(faces)
    table = pd.concat(classify_files(names, faces, Classifier(weights, ASKED, 1), 8))
    assert table["file_name"].tolist() == names
    assert table.loc[table["reason"] != "", "file_name"].tolist() == ["00001/00013.png"]
    for row in table[table["reason"] == ""].itertuples():
        (face,) = DeepFace.analyze(
            str(faces / row.file_name), ASKED, detector_backend="skip", enforce_detection=False, silent=True
        )
        assert (row.gender, row.race) == (face["dominant_gender"], face["dominant_race"])
        assert row.age == str(face["age"])
    assert min(table[ASKED].nunique()) > 1, "the networks tell the images apart"


def test_an_image_is_prepared_as_deepface_prepares_it(faces):
    from deepface.modules import detection, preprocessing

    path = faces / "00000/00002.png"
    (found,) = detection.extract_faces(str(path), detector_backend="skip", enforce_detection=False)
    theirs = preprocessing.resize_image(found["face"][:, :, ::-1], (224, 224))[0]
    ours = prepare(Image.open(path))
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).max() < 1e-6


@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_the_size_of_the_batch_changes_no_label(weights, faces, batch_size):
    classifier = Classifier(weights, ASKED, 1)
    whole, parts = (pd.concat(classify_files(names_of(faces), faces, classifier, size)) for size in (23, batch_size))
    assert whole.reset_index(drop=True).equals(parts.reset_index(drop=True))


def test_networks_of_different_onnx_versions_have_the_same_labels(weights, faces, tmp_path):
    for attribute in ASKED:
        network = onnx.load(weights / DEEPFACE_WEIGHTS[attribute])
        network.opset_import[0].version += attribute == "race"
        onnx.save(network, tmp_path / DEEPFACE_WEIGHTS[attribute])
    mixed, same = Classifier(tmp_path, ASKED, 1), Classifier(weights, ASKED, 1)
    assert (len(mixed.sessions), len(same.sessions)) == (2, 1)
    tables = [pd.concat(classify_files(names_of(faces), faces, classifier, 8)) for classifier in (mixed, same)]
    assert tables[0].equals(tables[1])


def test_missing_weights_are_named_with_their_source_and_place(weights, tmp_path):
    check_deepface(weights, ASKED, {})
    with pytest.raises(ModelError, match=r"race_model_single_batch\.onnx: no such file; put https://github\.com/"):
        check_deepface(tmp_path, ["race"], {})


def test_other_weights_than_hashed_are_refused(weights):
    name = "gender_model_weights.onnx"
    right = hashlib.sha256((weights / name).read_bytes()).hexdigest()
    check_deepface(weights, ["gender"], {name: right.upper()})
    with pytest.raises(ValueError, match=rf"SHA-256 is {right}, dataset\.deepface\.sha256 says 00"):
        check_deepface(weights, ["gender"], {name: "00"})


def test_a_file_that_is_no_network_or_another_one_is_refused(weights, tmp_path):
    (tmp_path / "race_model_single_batch.onnx").write_bytes((weights / "age_model_weights.onnx").read_bytes())
    with pytest.raises(ValueError, match="has 101 outputs, race has 6; it is another file"):
        Classifier(tmp_path, ["race"], 1)
    (tmp_path / "age_model_weights.onnx").write_bytes(b"<html>Not found</html>")
    with pytest.raises(ValueError, match=r"age_model_weights\.onnx: is no ONNX network"):
        Classifier(tmp_path, ["age"], 1)


def test_a_folder_is_classified_in_shards_and_catalogued(weights, faces, tmp_path):
    attributes = {"gender": ["man", "woman"], "race": sorted(RACES.values()), "age": ["young", "old"]}
    words = {"f": "woman", "m": "man"}
    recipes = json.dumps(
        {
            "gender": {
                "source": "csv",
                "column": "gender",
                "path": str(tmp_path / "aging.csv"),
                "map": words,
            },
            "race": {"source": "deepface", "column": "race", "path": None, "map": RACES, "unmapped": "drop"},
            "age": {"source": "deepface", "column": "age", "path": None, "cuts": [50]},
        }
    )
    (tmp_path / "aging.csv").write_text("image_number,gender\n" + "".join(f"{n},{'fm'[n % 2]}\n" for n in range(22)))
    list_images.main(folder=faces, output=tmp_path / "files.csv")
    options: dict[str, Any] = {"attributes": attributes, "recipes": recipes, "broken": "skip"}
    read_labels.main(files=tmp_path / "files.csv", output=tmp_path / "labels.csv", **options)
    shards = [tmp_path / f"shard-{number}.csv" for number in range(3)]
    for number, output in enumerate(shards):
        classify.main(
            files=tmp_path / "files.csv",
            folder=faces,
            weights=weights,
            attribute=["age", "race"],
            output=output,
            provenance=output.with_suffix(".json"),
            shard=number,
            shards=3,
        )
    files: dict[str, Any] = {"source": "folder", "labels": tmp_path / "labels.csv", "classified": shards}
    catalogue.main(output=tmp_path / "catalogue.csv", **files, **options)
    table = pd.read_csv(tmp_path / "catalogue.csv", keep_default_na=False).set_index("file_name")
    assert sorted(table.index) == names_of(faces)
    assert table.loc["00001/00013.png", "excluded"] == "broken"
    assert table.loc["00002/00022.png", "excluded"] == "unlabeled"
    raw = pd.concat(pd.read_csv(path) for path in shards).set_index("file_name").to_dict("index")
    for name, row in table[table["excluded"] == ""].to_dict("index").items():
        gender = ["woman", "man"][int(str(name)[-6:-4]) % 2]
        assert (row["gender"], row["race"]) == (gender, RACES[raw[name]["race"]])
        assert row["age"] == ("young" if float(raw[name]["age"]) < 50 else "old")
        assert row["group"] == f"{row['gender']}-{row['race']}-{row['age']}"
    assert "onnxruntime" in json.loads(shards[0].with_suffix(".json").read_text())["versions"]
    with pytest.raises(ValueError, match=r"1 broken image files: '00001/00013\.png': cannot be read"):
        catalogue.main(output=tmp_path / "again.csv", **files, **options | {"broken": "error"})
