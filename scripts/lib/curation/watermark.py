"""Watermark: write a mark into generated images before they train, as a provider does before it releases them."""

import pandas as pd
from pydantic import Field, PositiveFloat

from scripts.lib.base import imageset
from scripts.lib.curation.candidates import Curated, Inputs, Needs, decided
from scripts.lib.vision.watermark import Mark, sequence, written

SHAPE = "triangle-left"


class Settings(Mark):
    """Watermark: write a mark into generated images before they train (spread spectrum, Cox et al. 1997).

    What the next models make of it, `score.metrics.watermark` measures. To filter by it, let a `detector` follow with
    the reward `watermark`; both find the mark by equal `key`, `low` and `high`.
    """

    strength: PositiveFloat = Field(
        4.0, description="Root mean square of the change of a pixel, in levels of 255; 4 is a PSNR of 36 dB."
    )


def check(settings: Settings, resolution: int) -> None:
    """Refuse a band that images of this edge, in pixels, have too few frequencies in.

    Raises:
        ValueError: names the band.
    """
    sequence(settings, resolution, resolution)


def needs(_: Settings) -> Needs:
    """Return what the step reads and makes."""
    return Needs(rewrites=True)


def curate(candidates: pd.DataFrame, settings: Settings, inputs: Inputs) -> Curated:
    """Write the mark into each candidate."""
    images = imageset.read_rows(candidates, inputs.root)
    return Curated(decided(candidates), images=written(images, settings, settings.strength))
