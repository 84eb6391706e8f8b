"""Image sets: one uncompressed zip of PNGs with a ``metadata.csv`` inside.

The layout is the ``imagefolder`` convention of Hugging Face ``datasets`` (column ``file_name``,
further columns as the set has them: ``text``, ``group``, ``seed``, ...). The bytes depend on the
content alone: fixed timestamps, the order of the table, no compression outside the PNGs.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from scripts.lib.base import csvs
from scripts.lib.base.atomic import replacing

METADATA = "metadata.csv"
EPOCH = (1980, 1, 1, 0, 0, 0)


def write(path: Path, metadata: pd.DataFrame, images: Iterable[np.ndarray]) -> None:
    """Write an image set.

    Args:
        path: the ``.zip`` to make.
        metadata: one row per image, in the order of ``images``; needs a unique ``file_name``.
        images: uint8 arrays of shape (height, width, 3), RGB.

    Raises:
        ValueError: names are not unique, or their number differs from the number of images.
    """
    if not metadata["file_name"].is_unique:
        twice = metadata.loc[metadata["file_name"].duplicated(), "file_name"].iloc[0]
        raise ValueError(f"{path}: the file name {twice!r} occurs more than once")
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        table = csvs.text(metadata)
        archive.writestr(zipfile.ZipInfo(METADATA, EPOCH), table)
        for name, image in zip(metadata["file_name"], images, strict=True):
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, format="PNG")
            archive.writestr(zipfile.ZipInfo(name, EPOCH), buffer.getvalue())


def read_metadata(path: Path) -> pd.DataFrame:
    """Return the table of an image set, in its stored order; every column is text.

    Raises:
        ValueError: the file is no image set.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(METADATA) as file:
            return csvs.read(file)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"{path}: not an image set (a zip of PNGs with a {METADATA}): {error}") from error


def iterate(path: Path, file_names: Iterable[str]) -> Iterator[np.ndarray]:
    """Yield the named images one by one, uint8 of shape (height, width, 3), RGB.

    Raises:
        KeyError: the set has no image of that name.
    """
    with zipfile.ZipFile(path) as archive:
        for name in file_names:
            yield np.asarray(Image.open(io.BytesIO(archive.read(name))))


def read_images(path: Path, file_names: Iterable[str]) -> np.ndarray:
    """Return the named images as one uint8 array of shape (n, height, width, 3), RGB.

    Raises:
        KeyError: the set has no image of that name.
        ValueError: the images differ in size.
    """
    images = list(iterate(path, file_names))
    sizes = {image.shape for image in images}
    if len(sizes) > 1:
        raise ValueError(f"{path}: images of different sizes {sorted(sizes)} in one set")
    return np.stack(images)


def read_rows(table: pd.DataFrame, root: Path) -> np.ndarray:
    """Return the images that the rows of a table name, uint8 (n, height, width, 3), RGB.

    Args:
        table: columns ``images``, an image set as a path below ``root``, and ``file_name``.
        root: a folder.
    """
    found: dict[int, np.ndarray] = {}
    for path, rows in table.reset_index(drop=True).groupby("images", sort=False):
        found |= zip(rows.index, read_images(root / str(path), rows["file_name"]), strict=True)
    return np.stack([found[row] for row in range(len(table))])


def read(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the table of an image set and all its images, uint8 (n, height, width, 3)."""
    metadata = read_metadata(path)
    return metadata, read_images(path, metadata["file_name"])
