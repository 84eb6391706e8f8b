"""How much an image adds to the diversity of its group: its distance to those that a greedy choice takes before it."""

from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from pydantic import model_validator

from scripts.lib.experiment.config.features import NETWORKS, Features
from scripts.lib.experiment.config.section import Section


class Settings(Section):
    """How far an image is from those of its group that a greedy choice of the farthest takes before it.

    The entropy of a set that is estimated from nearest neighbors grows with these distances.
    """

    features: Features

    @model_validator(mode="after")
    def _compares_vectors(self) -> Self:
        self.features.expect("vector", "features", "distances are between vectors")
        return self


def reward(metadata: pd.DataFrame, images: np.ndarray, settings: Settings, real: Path, batch_size: int) -> np.ndarray:
    """Return each image's distance in the order of the choice, in its group; the images of one set alone are compared.

    Args:
        metadata: the table of the image set.
        images: its images, uint8 (n, height, width, 3).
        settings: whose features are compared.
        real: not read.
        batch_size: images per batch of the network.

    Returns:
        float64 (n,), 0 or more. Those of the largest number k are the first k of the greedy choice.
    """
    extract = NETWORKS[settings.features.network].extractor(Path(settings.features.weights), batch_size)
    features = extract(images).astype(np.float64)
    found = np.zeros(len(images))
    for rows in metadata.reset_index(drop=True).groupby("group", sort=False).indices.values():
        found[rows] = farthest_point_distances(features[rows])
    return found


def farthest_point_distances(features: np.ndarray) -> np.ndarray:
    """Return how far each point is from the nearest of those that are chosen before it (Gonzalez 1985).

    The choice begins with the point nearest to the mean, which gets the largest distance of all, and goes on with the
    point that is farthest from all chosen ones. The distances thus fall in the order of the choice.

    Args:
        features: (n, d).
    """
    apart = np.linalg.norm(features[:, None] - features[None], axis=2)
    first = int(np.linalg.norm(features - features.mean(0), axis=1).argmin())
    found = np.zeros(len(features))
    found[first] = apart.max()
    nearest, left = apart[first].copy(), np.ones(len(features), bool)
    left[first] = False
    while left.any():
        farthest = int(np.where(left, nearest, -1).argmax())
        found[farthest] = nearest[farthest]
        left[farthest] = False
        nearest = np.minimum(nearest, apart[farthest])
    return found
