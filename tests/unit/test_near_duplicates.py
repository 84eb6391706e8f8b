"""Near-duplicates of the experiment's images in the reference."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from scripts.lib.dataset import near_duplicates


@pytest.fixture(scope="module")
def pictures():
    """Twelve smooth pictures of 96 pixels that differ from each other as photographs do."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (12, 6, 6, 3), dtype=np.uint8)
    return [Image.fromarray(picture).resize((96, 96), Image.Resampling.BICUBIC) for picture in coarse]


def found(images, reference):
    vectors = [np.stack([near_duplicates.shrink(np.asarray(image)) for image in part]) for part in (images, reference)]
    return near_duplicates.find(*vectors)


def stored(image):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def test_different_pictures_are_no_duplicates(pictures):
    table = found(pictures[:6], pictures[6:])
    assert table.columns.tolist() == ["image", "reference", "difference", "mirrored"]
    assert table.empty


@pytest.mark.parametrize(
    ("change", "mirrored"),
    [
        (lambda image: image, False),
        (stored, False),
        (ImageOps.mirror, True),
        (lambda image: stored(ImageOps.mirror(image)), True),
        (lambda image: image.resize((48, 48)).resize((96, 96)), False),
        (lambda image: image.point(lambda level: min(255, int(level * 1.03))), False),
    ],
    ids=["same", "stored again", "mirrored", "mirrored and stored", "resized", "brighter"],
)
def test_a_copy_is_found_and_nothing_else(pictures, change, mirrored):
    table = found(pictures[:6], [*pictures[6:9], change(pictures[2]), *pictures[9:]])
    assert table[["image", "reference", "mirrored"]].to_numpy().tolist() == [[2, 3, mirrored]]


def test_every_pair_is_found_in_more_images_than_are_compared_at_once(monkeypatch, pictures):
    monkeypatch.setattr(near_duplicates, "ROWS", 5)
    table = found(pictures, pictures)
    assert sorted(table["image"]) == sorted(table["reference"]) == list(range(12))
    assert (table["image"] == table["reference"]).all()
