"""How networks want their images normalized. Imports no torch."""

from typing import NamedTuple


class Normalization(NamedTuple):
    """Mean and deviation that a network expects of each channel of its images, of values in [0, 1]."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


IMAGENET = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
