"""Near-duplicates between the experiment's images and the scoring reference, which ought to have none in common."""

import numpy as np
import pandas as pd
from PIL import Image

EDGE = 32
# Levels of 255. Measured on 87 portraits of 128 pixels: the same picture as JPEG of quality 30 differs by at most 5.0,
# at half its size by 2.2, without 1 % of each side by 7.9; the closest two of different pictures by 25 (avatars: 19.6).
THRESHOLD = 10.0
ROWS = 512


def shrink(image: np.ndarray) -> np.ndarray:
    """Return an image as it is compared: float32 (EDGE * EDGE * 3), levels from 0 to 255.

    Args:
        image: uint8 RGB (height, width, 3).
    """
    small = Image.fromarray(image).resize((EDGE, EDGE), Image.Resampling.BOX)
    return np.asarray(small, np.float32).reshape(-1)


def find(images: np.ndarray, reference: np.ndarray) -> pd.DataFrame:
    """Return the pairs of an image and a reference image that show nearly the same, the closest first.

    They are the pairs that differ by less than ``THRESHOLD`` levels, as the root of the mean square over thumbnails.
    The mirrored image is compared too, since training flips images. This finds copies: stored again, resized, a
    little brighter. It finds neither a crop of several percent nor another picture of the same person.

    Args:
        images: float32 (n, EDGE * EDGE * 3), by ``shrink``.
        reference: float32 (m, EDGE * EDGE * 3).

    Returns:
        ``image`` and ``reference`` (row numbers), ``difference`` (levels) and ``mirrored``.
    """
    mirrored = reference.reshape(-1, EDGE, EDGE, 3)[:, :, ::-1].reshape(reference.shape)
    found = []
    for start in range(0, len(images), ROWS):
        part = images[start : start + ROWS]
        plain, flipped = _differences(part, reference), _differences(part, mirrored)
        closest = np.minimum(plain, flipped)
        rows, columns = np.nonzero(closest < THRESHOLD)
        values = {"image": start + rows, "reference": columns, "difference": closest[rows, columns].round(1)}
        found.append(pd.DataFrame(values | {"mirrored": flipped[rows, columns] < plain[rows, columns]}))
    return pd.concat(found).sort_values(["difference", "image", "reference"], ignore_index=True)


def _differences(images: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the root of the mean square of the differences, (n, m)."""
    squares = (images**2).mean(1)[:, None] + (reference**2).mean(1) - 2 * images @ reference.T / images.shape[1]
    return np.sqrt(squares.clip(min=0))
