"""The images of a cell that are nearest to a training image, with that image: what one looks at for copies."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from scripts.lib.metrics.copies import NETWORKS
from scripts.lib.metrics.metric import Embedded
from scripts.lib.metrics.nearest import nearest

MOST = 10


class Pair(NamedTuple):
    """A generated image, its nearest training image as a path below the results, and their distance in a space."""

    file_name: str
    training: str
    distance: float
    features: str


def nearest_pairs(
    images: Mapping[str, Embedded], training: Mapping[str, np.ndarray], names: Sequence[str]
) -> list[Pair]:
    """Return the ten nearest pairs, the nearest first: in the first space of SSCD, or else in the first of all.

    Args:
        images: the images in each feature space.
        training: features of the different images of the training set, by space.
        names: of these images, as paths below the results.
    """
    of_copies = [space for space, own in images.items() if own.network in NETWORKS]
    space = [*of_copies, *images][0]
    index, distance = nearest(images[space].features, training[space])
    files = images[space].metadata["file_name"]
    return [
        Pair(files.iloc[row], names[index[row]], float(distance[row]), space)
        for row in np.argsort(distance, kind="stable")[:MOST]
    ]
