"""The kernel distance between two sets of features (KID where the network is Inception)."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric

METRICS = {
    "kernel_distance": Metric("Kernel distance", "lower is better", True),
}
AGAINST_REFERENCE = True


class Settings(Section):
    """The kernel distance: MMD² under a cubic kernel (Bińkowski et al. 2018), unbiased for fixed group sizes."""


def compute(images: Embedded, reference: Embedded, _: Settings, **__: bool) -> dict[str, float]:
    """Return the distance of the groups that have two images or more in both sets; nothing where none has."""
    groups = [embedded.metadata["group"].to_numpy() for embedded in (images, reference)]
    shared = set.intersection(*(_of_two(labels) for labels in groups))
    if not shared:
        return {}
    rows = [np.isin(labels, sorted(shared)) for labels in groups]
    features = [embedded.features[kept] for embedded, kept in zip((images, reference), rows, strict=True)]
    labels = [names[kept] for names, kept in zip(groups, rows, strict=True)]
    return {"kernel_distance": kernel_distance(*features, *labels)}


def kernel_distance(x: np.ndarray, y: np.ndarray, x_groups: np.ndarray, y_groups: np.ndarray) -> float:
    """MMD² under (xᵀy / d + 1)³ of two stratified samples, without bias.

    Bińkowski et al. (2018) average over all pairs of different samples. That is unbiased for independent samples. In
    a set with a fixed number of each group, a pair of different samples is of one group less often than two
    independent samples are, and the average is too low. Here each block of two groups has its own mean, and a block
    has the weight of its groups' shares of the set. With one group this is Bińkowski's estimator.

    Args:
        x, y: features, (n, d) and (m, d).
        x_groups, y_groups: the group of each sample, (n,) and (m,).

    Returns:
        The distance: 0 in expectation where the groups agree in distribution and in share, then negative as often as
        positive.

    Raises:
        ValueError: a group has a single sample, of which no pair can be made.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    between = _kernel(x, y).mean()
    return float(_within(x, x_groups) + _within(y, y_groups) - 2 * between)


def _within(x: np.ndarray, groups: np.ndarray) -> float:
    """Return the mean kernel of two independent draws from the mixture of the groups."""
    names, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if (alone := sizes < 2).any():
        raise ValueError(
            f"the kernel distance needs two samples of each group at least; {str(names[alone][0])!r} has one"
        )
    member = np.eye(len(names))[index]
    kernel = _kernel(x, x)
    blocks = member.T @ kernel @ member
    own = np.diag(blocks).copy()
    # Pairs of a sample with itself leave the block, and the others stand for them.
    unbiased = (own - member.T @ np.diag(kernel)) * sizes / (sizes - 1)
    return float((blocks.sum() - own.sum() + unbiased.sum()) / len(x) ** 2)


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _of_two(groups: np.ndarray) -> set[str]:
    names, sizes = np.unique(groups.astype(str), return_counts=True)
    return set(names[sizes > 1])
