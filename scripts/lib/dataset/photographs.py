"""How a file becomes pixels: one picture, upright, 8-bit RGB, square."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

READABLE_MODES = {"RGB", "L", "P", "1"}


class UnreadableError(ValueError):
    """A file that has no one reading as an image; ``reason`` is the message without the path."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason


def defect_of(path: Path | None) -> str:
    """Return what is wrong with a photograph that is read to its end, or nothing.

    Args:
        path: the file; None for an avatar, which is not drawn yet.
    """
    try:
        if path is not None:
            open_image(path)
    except UnreadableError as error:
        return error.reason
    return ""


def open_image(path: Path) -> Image.Image:
    """Read one photograph whole, upright, as 8-bit RGB.

    Raises:
        UnreadableError: the file is missing, empty, damaged, too large to be a photograph (Pillow's limit of
            decompression bombs), holds several pictures, or has no one reading as 8-bit RGB.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                deep = _is_deep(file)
                file.load()
                image = ImageOps.exif_transpose(file)
                pictures = _pictures(file)
    except Exception as error:  # Pillow raises almost anything for a damaged file
        raise UnreadableError(path, f"cannot be read as an image ({error}); replace or remove it") from error
    if pictures > 1:
        raise UnreadableError(path, f"holds {pictures} pictures; save the one that is meant as a file of its own")
    transparent = "transparency" in image.info
    if image.mode not in READABLE_MODES or transparent or deep:
        raise UnreadableError(
            path,
            f"the mode is {image.mode}{' with transparency' * transparent}{' of 16 bits' * deep}; "
            "convert it to 8-bit RGB first, since there is more than one way to do so",
        )
    return image.convert("RGB")


def read_image(path: Path, size: int) -> np.ndarray:
    """Read one photograph as uint8 RGB (size, size, 3): upright, its center square, Lanczos-resized.

    Raises:
        UnreadableError: as ``open_image``.
    """
    return np.asarray(ImageOps.fit(open_image(path), (size, size), Image.Resampling.LANCZOS))


def _is_deep(file: Any) -> bool:
    """Tell whether a file that is not read yet has 16 bits per channel: Pillow reads such RGB as RGB without a word."""
    return any(
        tile.args[1] > 255 if tile.codec_name in ("ppm", "ppm_plain") and tile.args else ";16" in str(tile)
        for tile in file.tile
    )


def _pictures(file: Any) -> int:
    """Return the number of pictures in an open file.

    A phone's MPO counts as one: a JPEG with previews or depth behind it, whose first picture is by its standard
    (CIPA DC-007) the photograph.
    """
    return 1 if file.format == "MPO" else getattr(file, "n_frames", 1)
