"""Image sets: what goes in comes out, and the same content is the same file."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scripts.lib.base import imageset


@pytest.fixture
def table():
    names = [f"{i}.png" for i in range(8)]
    return pd.DataFrame(
        {"file_name": names[::-1], "text": "a 'quoted', photo", "group": ["NA", "None"] * 4, "seed": 2**62}
    )


def test_a_set_comes_back_as_it_was_written_in_its_order(tmp_path, table, images):
    imageset.write(tmp_path / "set.zip", table, images)
    metadata, pixels = imageset.read(tmp_path / "set.zip")
    assert metadata.to_dict("records") == table.astype({"seed": str}).to_dict("records"), "what is read is text"
    assert (pixels == images).all()


def test_named_images_come_in_the_order_asked_for(tmp_path, table, images):
    imageset.write(tmp_path / "set.zip", table, images)
    assert (imageset.read_images(tmp_path / "set.zip", ["5.png", "7.png"]) == images[[2, 0]]).all()


def test_the_same_content_is_the_same_bytes(tmp_path, table, images, monkeypatch):
    imageset.write(tmp_path / "first.zip", table, images)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setattr("time.time", lambda: 2e9)
    imageset.write(tmp_path / "second.zip", table.copy(), iter(images))
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_a_set_is_an_uncompressed_zip_of_pngs_that_anything_opens(tmp_path, table, images):
    imageset.write(tmp_path / "set.zip", table, images)
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        assert archive.namelist() == ["metadata.csv", *table["file_name"]]
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        with archive.open("7.png") as file:
            assert Image.open(file).format == "PNG"


def test_an_unknown_name_is_an_error_that_names_it(tmp_path, table, images):
    imageset.write(tmp_path / "set.zip", table, images)
    with pytest.raises(KeyError, match=r"lost\.png"):
        imageset.read_images(tmp_path / "set.zip", ["1.png", "lost.png"])


def test_what_is_no_image_set_is_an_error_that_names_it(tmp_path):
    (tmp_path / "text.zip").write_text("not a zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "a zip, but of other things")
    for name in ("text.zip", "other.zip"):
        with pytest.raises(ValueError, match=f"{name}: not an image set"):
            imageset.read(tmp_path / name)


def test_duplicate_names_are_refused_before_anything_is_written(tmp_path, table, images):
    with pytest.raises(ValueError, match=r"'7\.png' occurs more than once"):
        imageset.write(tmp_path / "set.zip", table.replace("3.png", "7.png"), images)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [7, 9])
def test_more_or_fewer_images_than_rows_are_refused(tmp_path, table, images, number):
    with pytest.raises(ValueError, match="zip"):
        imageset.write(tmp_path / "set.zip", table, np.resize(images, (number, *images.shape[1:])))
    assert not list(tmp_path.iterdir())


def test_images_of_different_sizes_are_refused_when_read_as_one_array(tmp_path, table, images):
    imageset.write(tmp_path / "set.zip", table[:2], [images[0], images[1, :12]])
    with pytest.raises(ValueError, match="different sizes"):
        imageset.read(tmp_path / "set.zip")
