"""The real images of an experiment: drawn, or read from a folder."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from scripts.lib.dataset.photographs import read_image


def read_real(row: Mapping[str, str], source: str, folder: Path | None, size: int, seed: int) -> np.ndarray:
    """Return one real image, uint8 (size, size, 3): upright, square.

    Args:
        row: of the selection: ``source``, and of an avatar its attributes.
        source: ``avatars`` or ``folder``.
        folder: where the files are; of ``folder`` only.
        size: edge in pixels.
        seed: of the drawings.

    Raises:
        ValueError: there is no folder.
        UnreadableError: the file cannot be read.
    """
    if source == "avatars":
        from scripts.lib.dataset.avatars import draw  # Only who draws avatars needs the drawing packages.

        return draw(row["gender"], row["tone"], row["age"], seed=f"{seed}/{row['source']}", size=size)
    if folder is None:
        raise ValueError("`--source folder` needs --folder")
    return read_image(folder / row["source"], size)
