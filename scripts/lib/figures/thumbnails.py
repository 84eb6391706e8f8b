"""The images of the page on which one walks through an experiment: sheets of thumbnails, and files beside the page."""

import base64
import io
import math
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from scripts.lib.base import imageset
from scripts.lib.base.atomic import replacing

# AVIF keeps the colors at full resolution, which images of a few dozen pixels need and WebP halves: of the miniature's
# images it keeps 37 dB in 330 bytes each, WebP 33 dB in 310.
AVIF: dict[str, Any] = {"format": "AVIF", "quality": 85, "subsampling": "4:4:4", "speed": 8, "max_threads": 1}


class Slots(NamedTuple):
    """The images that the page shows: by group, their names (``files``) in the order of the set, and the prompt."""

    files: dict[str, list[str]]
    texts: dict[str, str]


def slots(metadata: pd.DataFrame, most: int) -> Slots:
    """Return the first ``most`` images of each group of an image set's table."""
    shown = metadata.groupby("group", sort=False).head(most).groupby("group", sort=False)
    return Slots(
        {str(group): list(rows["file_name"]) for group, rows in shown},
        {str(group): str(rows["text"].iloc[0]) for group, rows in shown},
    )


def sheets(path: Path, files: Mapping[str, Sequence[str]], edge: int) -> dict[str, str]:
    """Return one sheet of thumbnails for each group of an image set, as AVIF in base64.

    Image ``i`` of a group lies in row ``i // columns`` and column ``i % columns`` of its sheet,
    which has ``ceil(sqrt(n))`` columns.

    Args:
        path: the image set.
        files: by group, the names of the images.
        edge: of a thumbnail, in pixels; images of another size are resized to it.
    """
    images = imageset.read_images(path, (name for names in files.values() for name in names))
    if images.shape[1:3] != (edge, edge):
        resize = [Image.fromarray(image).resize((edge, edge), Image.Resampling.LANCZOS) for image in images]
        images = np.stack([np.asarray(image) for image in resize])
    ends = np.cumsum([len(names) for names in files.values()])[:-1]
    return {group: _encode(part) for group, part in zip(files, np.split(images, ends), strict=True)}


def _encode(images: np.ndarray) -> str:
    n, edge = images.shape[:2]
    columns = math.ceil(math.sqrt(n))
    sheet = np.zeros((math.ceil(n / columns) * edge, columns * edge, 3), np.uint8)
    for number, image in enumerate(images):
        top, left = (edge * place for place in divmod(number, columns))
        sheet[top : top + edge, left : left + edge] = image
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, **AVIF)
    return base64.b64encode(file.getvalue()).decode()


def copy_images(sets: Iterable[tuple[str, Path, Mapping[str, Sequence[str]]]], most: int, folder: Path) -> None:
    """Write the first ``most`` images of each group as files, ``<folder>/<set>/<file_name>``, bytes as in the sets."""
    with replacing(folder) as temporary:
        for name, path, files in sets:
            (temporary / name).mkdir(parents=True)
            with zipfile.ZipFile(path) as archive:
                for names in files.values():
                    for file in names[:most]:
                        (temporary / name / file).write_bytes(archive.read(file))
