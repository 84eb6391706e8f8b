"""Data copying: whether images lie nearer to the training images than held-out real images do."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric
from scripts.lib.metrics.nearest import nearest

METRICS = {
    "data_copying": Metric(
        "Data copying, C_T",
        "far below 0: copies; far above 0: unlike the training images",
        True,
        needs="a held-out reference, and 20 images near each other",
    ),
}
AGAINST = "training"
CELLS, FEWEST, COMPONENTS, STARTS = 3, 20, 64, 10  # As in dgm-eval.


class Settings(Section):
    """Data copying: the C_T statistic, z-scored, of three cells of the training images (Meehan et al. 2020)."""


def compute(images: Embedded, training: np.ndarray, reference: Embedded | None, _: Settings) -> dict[str, float]:
    """Return the statistic where there is a held-out reference, and a cell with images of all three sets."""
    if reference is None or len(np.unique(training, axis=0)) < CELLS:
        return {}
    sets = _reduced(training, images.features, reference.features)
    value = data_copying(*sets, *_cells(*sets))
    return {} if value is None else {"data_copying": value}


def data_copying(
    training: np.ndarray,
    images: np.ndarray,
    reference: np.ndarray,
    training_cells: np.ndarray,
    image_cells: np.ndarray,
    reference_cells: np.ndarray,
) -> float | None:
    """Return C_T (Meehan et al. 2020): in each cell the z score of a Mann-Whitney test, averaged over the cells.

    The test asks whether images or held-out images are nearer to the cell's training images. A cell weighs by its
    share of the held-out images. Cells of at most 20 images are left out, and those without training or held-out
    images too, for which dgm-eval raises an error.

    Args:
        training, images, reference: features, (m, d), (n, d) and (k, d).
        training_cells, image_cells, reference_cells: the cell of each row.

    Returns:
        The statistic; None where no cell is left.
    """
    from scipy.stats import mannwhitneyu

    scores, weights = [], []
    for cell in np.unique(training_cells):
        own, ours, theirs = training[training_cells == cell], images[image_cells == cell], None
        theirs = reference[reference_cells == cell]
        n, m = len(ours), len(theirs)
        if n <= FEWEST or not m:
            continue
        u = mannwhitneyu(nearest(ours, own)[1], nearest(theirs, own)[1], alternative="less").statistic
        scores.append((u - (n * m / 2 - 0.5)) / np.sqrt(n * m * (n + m + 1) / 12))
        weights.append(m)
    return float(np.average(scores, weights=weights)) if scores else None


def _reduced(training: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Return all sets in the first 64 principal components of the training images, where they have more features."""
    sets = [np.asarray(z, np.float64) for z in (training, *others)]
    if training.shape[1] <= COMPONENTS:
        return sets
    mean = sets[0].mean(0)
    components = np.linalg.svd(sets[0] - mean, full_matrices=False)[2][:COMPONENTS]
    return [(z - mean) @ components.T for z in sets]


def _cells(training: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Return the cell of each row of each set: that of the nearest of three means of the training images."""
    from scipy.cluster.vq import kmeans2, vq

    starts = [kmeans2(training, CELLS, minit="++", rng=seed, missing="warn")[0] for seed in range(STARTS)]
    best = min(starts, key=lambda means: (vq(training, means)[1] ** 2).sum())
    return [vq(z, best)[0] for z in (training, *others)]
