"""What metrics have in common: what they are given, and what they say of themselves."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd


class Metric(NamedTuple):
    """What figures and pages say of a metric.

    Attributes:
        title: its name, as a heading has it.
        reading: which way is better, or what the number counts.
        of_features: whether it compares features, so that an axis names their network.
        limits: where an axis starts and ends by the metric's nature; None leaves both, or the end, to the values.
        figure: the figure that has a panel of it; None: none has.
        needs: what a set must have, as the reason of an absent score says it.
    """

    title: str
    reading: str
    of_features: bool
    limits: tuple[float, float | None] | None = None
    figure: Literal["curves", "diversity", "watermark"] | None = None
    needs: str = "more images"

    @property
    def largest(self) -> float | None:
        """The largest value that it can have, if there is one; its axis leaves 3 % above it."""
        return self.limits[1] / 1.03 if self.limits and self.limits[1] else None

    @property
    def ratio(self) -> bool:
        """Whether it has a zero and no upper end, as a distance has: its intervals are those of its logarithm."""
        return self.limits == (0, None)


class Embedded(NamedTuple):
    """A set's table with its embeddings: row i of each array belongs to row i of the table.

    Attributes:
        metadata: the table of the image set.
        features: float32 (n, d), of one of the networks of ``score.features``.
        clip_image, clip_text: float32 (n, e), CLIP's embeddings of the images and of their prompts.
        network: the name of the network that the features are of.
        fits: whether an image shows what its prompt names, a column per attribute that a classifier tells; None of
            images that nothing classifies.
        measured: what kinds of metric measure of each image's pixels, float64 (n,), by their names.
    """

    metadata: pd.DataFrame
    features: np.ndarray
    clip_image: np.ndarray
    clip_text: np.ndarray
    network: str = ""
    fits: pd.DataFrame | None = None
    measured: Mapping[str, np.ndarray] = MappingProxyType({})

    def take(self, rows: np.ndarray, attribute: str | None = None) -> "Embedded":
        """Return the set of some of the rows, which one attribute has chosen or none."""
        arrays = {name: getattr(self, name)[rows] for name in ("features", "clip_image", "clip_text")}
        fits = None if self.fits is None else self.fits.iloc[rows]
        if fits is not None and attribute is not None:
            fits = fits[fits.columns.intersection([attribute])]
        measured = {name: values[rows] for name, values in self.measured.items()}
        return self._replace(metadata=self.metadata.iloc[rows], fits=fits, measured=measured, **arrays)
