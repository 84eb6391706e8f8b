"""A spread-spectrum watermark in the frequencies of an image, by a key alone (Cox, Kilian, Leighton and Shamoon 1997).

The mark is a sequence of standard normal numbers that is added to an image's DCT coefficients (their equation 1, which
adds one pattern to all images), in a band of frequencies. Whoever has the key looks for it in the signs of these
coefficients, without the image as it was before. Under any image, a key that was not used gives a standard normal
score: the threshold of a false alarm rate is known beforehand.
"""

from functools import lru_cache
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from scripts.lib.base.seeds import seed_of
from scripts.lib.experiment.config.section import Section, Share

LUMA = np.array([0.299, 0.587, 0.114])
BATCH = 64


class Band(Section):
    """The frequencies that carry a watermark."""

    low: Share = Field(
        0.1, description="Frequencies that carry the mark lie above this share of the highest one along an edge."
    )
    high: Share = Field(
        0.5, description="They lie up to this share. Low frequencies survive an autoencoder, and are seen more."
    )

    @model_validator(mode="after")
    def _is_a_band(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"`low`: is {self.low}, but must be below `high`, {self.high}; exchange or change them")
        return self


class Mark(Band):
    """What finds a watermark: equal settings find what equal settings have written."""

    key: int = Field(0, ge=0, description="The key: the seed of the sequence. Another key finds nothing.")


@lru_cache(maxsize=8)
def sequence(mark: Mark, height: int, width: int) -> np.ndarray:
    """Return the sequence in the places of its coefficients, float64 (height, width), 0 outside the band.

    Raises:
        ValueError: images of this size have fewer than 16 frequencies in the band.
    """
    rows, columns = np.ogrid[:height, :width]
    radius = np.hypot(rows / height, columns / width)
    band = (radius > mark.low) & (radius <= mark.high)
    if (number := int(band.sum())) < 16:
        raise ValueError(
            f"images of {width} x {height} pixels have {number} frequencies between low, {mark.low}, and "
            f"high, {mark.high}, but a mark needs 16; widen the band"
        )
    found = np.zeros((height, width))
    found[band] = np.random.default_rng(seed_of("watermark", mark.key)).standard_normal(number)
    return found


def written(images: np.ndarray, mark: Mark, strength: float) -> np.ndarray:
    """Return images with the mark, uint8 as they are: the same pattern is added to each, in all three colors.

    Args:
        images: uint8 (n, height, width, 3).
        mark: the key and the band.
        strength: root mean square of the pattern, in levels of 255.
    """
    from scipy.fft import idctn

    pattern = idctn(sequence(mark, *images.shape[1:3]), norm="ortho")
    pattern *= strength / np.sqrt(np.square(pattern).mean())
    # Rounded first, since last bits differ between processors and would round a pixel to either side.
    levels = images + pattern.round(6)[:, :, None]
    return levels.round().clip(0, 255).astype(np.uint8)


def scores(images: np.ndarray, mark: Mark) -> np.ndarray:
    """Return how surely each image has the mark, float64 (n,): standard normal for a key that was not used.

    The score is the sum of the sequence over the signs of the luminance's coefficients, over the root of their number.
    Signs let no coefficient count more than another, as those of low frequencies would. A coefficient of 0, as of an
    image that is its own mirror image, has no sign and is not counted.

    Args:
        images: uint8 (n, height, width, 3).
        mark: the key and the band.
    """
    from scipy.fft import dctn

    key = sequence(mark, *images.shape[1:3])
    place = key != 0
    found = []
    for start in range(0, len(images), BATCH):
        luminance = images[start : start + BATCH] @ LUMA
        signs = np.sign(dctn(luminance, axes=(1, 2), norm="ortho")[:, place].round(6))
        found.append(signs @ key[place] / np.sqrt(np.maximum(1, np.abs(signs).sum(1))))
    return np.concatenate(found) if found else np.zeros(0)
