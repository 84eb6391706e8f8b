"""`dataset: {source: folder}` from files and labels to image sets, through the scripts."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from scripts import catalogue, list_images, prepare, read_labels, select_images
from scripts.lib.base import imageset
from scripts.lib.base.code import ROOT

PORTRAITS = ROOT.parent / "shared" / "portraits"


def catalogued(folder, labels, output, attributes):
    """Run list_images, read_labels and catalogue on one table that has every attribute."""
    recipes = json.dumps({name: {"source": "csv", "column": name, "path": str(labels)} for name in attributes})
    list_images.main(folder=folder, output=output / "files.csv")
    read_labels.main(
        files=output / "files.csv",
        attributes=attributes,
        recipes=recipes,
        broken="error",
        output=output / "labels.csv",
    )
    catalogue.main(
        source="folder",
        attributes=attributes,
        output=output / "catalogue.csv",
        labels=output / "labels.csv",
        recipes=recipes,
    )


def prepared(
    folder,
    labels,
    output,
    attributes,
    *,
    per_group,
    reference_per_group,
    size,
    short_group="error",
    broken="error",
    seed=0,
    prompt="a photo of a {age} {gender}",
):
    """Run catalogue, select_images and prepare; return the two image sets and the table of groups."""
    catalogued(folder, labels, output, attributes)
    select_images.main(
        catalogue=output / "catalogue.csv",
        attributes=attributes,
        prompt=prompt,
        per_group=per_group,
        reference="disjoint",
        reference_per_group=reference_per_group,
        short_group=short_group,
        seed=seed,
        selection=output / "selection.csv",
        groups=output / "groups.csv",
        excluded=output / "excluded.csv",
        folder=folder,
    )
    prepare.main(
        selection=output / "selection.csv",
        groups=output / "groups.csv",
        excluded=output / "excluded.csv",
        short_group=short_group,
        broken=broken,
        source="folder",
        size=size,
        seed=seed,
        images=output / "images.zip",
        reference=output / "reference.zip",
        duplicates=output / "near_duplicates.csv",
        folder=folder,
    )
    sets = [imageset.read(output / f"{name}.zip") for name in ("images", "reference")]
    return *sets, pd.read_csv(output / "groups.csv")


def test_a_folder_of_images_becomes_two_image_sets(tmp_path):
    rows = []
    for number in range(12):
        row = {
            "file_name": f"{number}.jpg",
            "gender": ["man", "woman"][number % 2],
            "age": ["NA", "1"][number // 2 % 2],
        }
        color = np.full((20 + number, 16, 3), (20 * number, 100, 255 - 20 * number), np.uint8)
        Image.fromarray(color).save(tmp_path / row["file_name"], quality=95)
        rows.append(row)
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    attributes = {"gender": ["man", "woman"], "age": ["NA", "1"]}
    (table, pixels), (reference, _), groups = prepared(
        tmp_path, tmp_path / "labels.csv", tmp_path / "out", attributes, per_group=2, reference_per_group=1, size=8
    )
    assert pixels.shape == (8, 8, 8, 3)
    assert table["group"].tolist() == sorted(table["group"], key=groups["group"].tolist().index)
    assert set(table["source"]) | set(reference["source"]) == {row["file_name"] for row in rows}
    labels = {row["file_name"]: row for row in rows}
    for row, image in zip(table.to_dict("records"), pixels, strict=True):
        label = labels[row["source"]]
        assert row["age"] == label["age"]
        assert row["text"] == f"a photo of a {label['age']} {label['gender']}"
        assert image.mean((0, 1)) == pytest.approx(np.asarray(Image.open(tmp_path / row["source"])).mean((0, 1)), abs=2)


def test_a_value_that_looks_like_nothing_is_a_value(tmp_path):
    for number in range(4):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{number}.png")
    labels = pd.DataFrame({"file_name": [f"{i}.png" for i in range(4)], "gender": "None", "age": "NA"})
    labels.to_csv(tmp_path / "labels.csv", index=False)
    catalogued(tmp_path, tmp_path / "labels.csv", tmp_path, {"age": ["NA"]})
    select_images.main(
        catalogue=tmp_path / "catalogue.csv",
        attributes={"age": ["NA"]},
        prompt="a photo",
        per_group=2,
        reference="disjoint",
        reference_per_group=2,
        short_group="error",
        seed=0,
        selection=tmp_path / "selection.csv",
        groups=tmp_path / "groups.csv",
        excluded=tmp_path / "excluded.csv",
    )
    assert (pd.read_csv(tmp_path / "selection.csv", keep_default_na=False)["group"] == "NA").all()


def write_faces(folder, count, size=32):
    """Write smooth pictures of random colors, half of them of men, and their labels; return the table's path."""
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        coarse.resize((size, size), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    labels = pd.DataFrame(
        {"file_name": [f"{n}.png" for n in range(count)], "gender": [["man", "woman"][n % 2] for n in range(count)]}
    )
    labels.to_csv(folder / "labels.csv", index=False)
    return folder / "labels.csv"


GENDER: dict[str, Any] = {"attributes": {"gender": ["man", "woman"]}, "prompt": "a {gender}", "size": 32}


def test_a_group_that_is_short_by_a_broken_file_leaves_the_tables_that_say_which(tmp_path):
    labels = write_faces(tmp_path, 8)
    pages = {"save_all": True, "append_images": [Image.new("RGB", (32, 32))]}
    Image.new("RGB", (32, 32), "red").save(tmp_path / "2.png", "GIF", **pages)
    out = tmp_path / "out"
    options = {"per_group": 2, "reference_per_group": 2} | GENDER
    with pytest.raises(ValueError, match=r"group man: 3 images found, 1 more wanted[^$]*'2\.png': holds 2 pictures"):
        prepared(tmp_path, labels, out, **options, broken="skip")
    excluded = pd.read_csv(out / "excluded.csv")
    assert excluded[["file_name", "excluded"]].to_numpy().tolist() == [["2.png", "broken"]]
    assert pd.read_csv(out / "groups.csv")["missing"].tolist() == [1, 0]
    assert not (out / "images.zip").exists()
    with pytest.raises(ValueError, match=r"^1 broken image files: '2\.png': holds 2 pictures"):
        prepared(tmp_path, labels, out, **options)
    (table, _), _, _ = prepared(tmp_path, labels, out, **options, broken="skip", short_group="fewer")
    assert "2.png" not in set(table["source"])


def test_a_picture_that_trains_and_is_the_reference_too_is_named_and_stops_nothing(tmp_path, capsys):
    labels = write_faces(tmp_path, 8)
    options = {"per_group": 2, "reference_per_group": 2} | GENDER
    (table, _), (reference, _), _ = prepared(tmp_path, labels, tmp_path / "out", **options)
    assert pd.read_csv(tmp_path / "out/near_duplicates.csv").empty
    assert "Warning" not in capsys.readouterr().err
    image, copy = table["source"][0], reference["source"][0]
    ImageOps.mirror(Image.open(tmp_path / image)).save(tmp_path / copy)
    prepared(tmp_path, labels, tmp_path / "out", **options)
    found = pd.read_csv(tmp_path / "out/near_duplicates.csv")
    assert found.to_dict("records") == [{"image": image, "reference": copy, "difference": 0.0, "mirrored": True}]
    assert (
        "Warning: near-duplicates between the experiment's images and the scoring reference: 1, such as "
        f"{image!r} and {copy!r}; " in capsys.readouterr().err
    )


def test_the_portraits_become_image_sets_of_gender_and_age(tmp_path):
    if not PORTRAITS.is_dir():
        pytest.skip(f"{PORTRAITS} is not there")
    labels = pd.read_csv(PORTRAITS / "labels.csv")
    labels["age"] = pd.cut(labels["age"], [0, 45, 65, 200], right=False, labels=["young", "middle-aged", "old"])
    labels.to_csv(tmp_path / "labels.csv", index=False)
    attributes = {"gender": ["man", "woman"], "age": ["young", "middle-aged", "old"]}
    (table, pixels), (reference, others), groups = prepared(
        PORTRAITS / "images",
        tmp_path / "labels.csv",
        tmp_path / "out",
        attributes,
        per_group=6,
        reference_per_group=6,
        size=32,
        short_group="fewer",
    )
    assert groups["found"].sum() == len(labels)
    assert (groups["images"] == np.minimum(groups["found"], 6)).all()
    assert pixels.shape == (groups["images"].sum(), 32, 32, 3)
    assert others.shape == (groups["reference"].sum(), 32, 32, 3)
    assert not set(table["source"]) & set(reference["source"])
    assert pixels.std((1, 2, 3)).min() > 5, "every photograph shows something"
    assert set(table["text"]) <= {f"a photo of a {a} {g}" for a in attributes["age"] for g in attributes["gender"]}
