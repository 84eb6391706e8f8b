"""Images in batches."""

from collections.abc import Iterator

import numpy as np


def batches(images: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Yield images (n, height, width, 3) in batches of at most ``batch_size``."""
    return (images[start : start + batch_size] for start in range(0, len(images), batch_size))
