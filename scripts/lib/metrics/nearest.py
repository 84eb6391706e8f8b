"""The nearest sample of another set, for the metrics that compare with the training images."""

import numpy as np


def nearest(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which row of ``y`` is nearest to each row of ``x``, and how far it is.

    Args:
        x, y: features, (n, d) and (m, d).

    Returns:
        The index, int (n,), and the Euclidean distance, float (n,).
    """
    from scipy.spatial.distance import cdist

    distances = cdist(np.asarray(x, np.float64), np.asarray(y, np.float64))
    return distances.argmin(1), distances.min(1)


def nearest_other(x: np.ndarray) -> np.ndarray:
    """Return how far the nearest other row is from each row, float (n,); n of 2 or more."""
    from scipy.spatial.distance import cdist

    distances = cdist(np.asarray(x, np.float64), np.asarray(x, np.float64))
    np.fill_diagonal(distances, np.inf)
    return distances.min(1)
