"""How surely an image has a watermark."""

from pathlib import Path

import numpy as np
import pandas as pd

from scripts.lib.vision.watermark import Mark, scores


class Settings(Mark):
    """How surely an image has a watermark.

    Standard normal for images without one, so that a threshold of 2.33 is a false alarm rate of 1 %. The reward of a
    `detector` that filters what a step `watermark` has written.
    """


def reward(metadata: pd.DataFrame, images: np.ndarray, settings: Settings, real: Path, batch_size: int) -> np.ndarray:
    """Return the score of each image, float64 (n,).

    Args:
        images: uint8 (n, height, width, 3).
        settings: the key and the band.
        metadata, real, batch_size: not read.
    """
    return scores(images, settings)
