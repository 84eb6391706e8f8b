"""Any folder of images with any table of its labels, drawn by hypothesis: found whole, read or refused by name."""

import csv
import io
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scripts.lib.dataset import catalogue, files, labels
from scripts.lib.dataset.photographs import READABLE_MODES, UnreadableError, read_image

FORMATS = {
    ".png": "PNG",
    ".PNG": "PNG",
    ".jfif": "JPEG",
    ".JPE": "JPEG",
    ".gif": "GIF",
    ".tif": "TIFF",
    ".webp": "WEBP",
}
MODES = {
    "PNG": ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"],
    "JPEG": ["L", "RGB", "CMYK"],
    "GIF": ["1", "L", "P"],
    "TIFF": ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"],
    "WEBP": ["RGB"],
}
VALUES = ["man", "NA", "007", "a, b", 'say "hi"', "é"]

# What a Linux file system takes and UTF-8 can say, but for the carriage return (test_files.py) and the dot in front.
texts = st.text(st.characters(codec="utf-8", exclude_characters="/\0\r"), min_size=1, max_size=12)
parts = texts.filter(lambda text: not text.startswith(".") and text.lower() not in files.SYSTEM_FOLDERS)


@dataclass
class Photo:
    name: str
    mode: str
    value: str
    content: bytes


@st.composite
def photos(draw):
    name = "/".join(draw(st.lists(parts, min_size=1, max_size=3)))
    ending = draw(st.sampled_from(sorted(FORMATS)))
    mode = draw(st.sampled_from(MODES[FORMATS[ending]]))
    level = draw(st.integers(0, 255))
    buffer = io.BytesIO()
    Image.new("L", (16, 12), level).convert(mode).save(buffer, FORMATS[ending])
    return Photo(name + ending, mode, draw(st.sampled_from(VALUES)), buffer.getvalue())


folders = st.lists(photos(), min_size=1, max_size=6, unique_by=lambda photo: unicodedata.normalize("NFC", photo.name))


def write_table(path, photos, form, delimiter, encoding, end):
    """Write a table of labels with another column between; names in a form of Unicode of its own."""
    buffer = io.StringIO()
    rows = [[unicodedata.normalize(form, photo.name), "x, y", photo.value] for photo in photos]
    table = csv.writer(buffer, delimiter=delimiter, lineterminator=end)
    table.writerows([["file_name", "note", "gender"], *rows])
    path.write_bytes(buffer.getvalue().encode(encoding))


@settings(max_examples=60, deadline=None)
@given(
    photos=folders,
    form=st.sampled_from(["NFC", "NFD"]),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_folder_is_catalogued_whole_and_each_file_read_or_refused_by_name(photos, form, delimiter, encoding, end):
    with tempfile.TemporaryDirectory() as place:
        images, table = Path(place) / "images", Path(place) / "labels.csv"
        try:
            for photo in photos:
                (images / photo.name).parent.mkdir(parents=True, exist_ok=True)
                (images / photo.name).write_bytes(photo.content)
        except (NotADirectoryError, IsADirectoryError, FileExistsError):  # one photo's folder is another's file
            return
        write_table(table, photos, form, delimiter, encoding, end)
        recipe = labels.Recipe("csv", "gender", table)
        listed = stored(files.list_images(images))
        raw = labels.raw_labels(listed["file_name"].tolist(), recipe)
        attributes = {"gender": VALUES}
        labeled = catalogue.label(listed, {"gender": raw}, attributes, {"gender": recipe}, broken="error")
        candidates = stored(catalogue.grouped(stored(labeled), attributes))
        assert dict(zip(candidates["file_name"], candidates["gender"], strict=True)) == {
            photo.name: photo.value for photo in photos
        }
        assert (candidates["excluded"] == "").all()
        for photo in photos:
            try:
                pixels = read_image(images / photo.name, 8)
                message = ""
            except UnreadableError as error:
                pixels, message = None, str(error)
            if photo.mode in READABLE_MODES:
                assert pixels is not None, message
                assert (pixels.dtype, pixels.shape) == (np.uint8, (8, 8, 3))
            else:
                assert f"{photo.name}: the mode is " in message


def stored(table):
    """Return a table as the next job reads it."""
    text = table.to_csv(index=False, lineterminator="\n")
    return pd.read_csv(io.BytesIO(text.encode()), dtype=str, keep_default_na=False)
