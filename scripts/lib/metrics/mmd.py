"""The squared maximum mean discrepancy (MMD²) of two stratified samples, for the metrics that are one."""

from collections.abc import Callable

import numpy as np

from scripts.lib.metrics.metric import Embedded

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (n, d), (m, d) to (n, m)


def mmd_of_shared_groups(
    images: Embedded, reference: Embedded, kernel: Kernel, counts: np.ndarray | None = None
) -> np.ndarray | None:
    """Return the MMD² of the groups that have two images or more in both sets; None where none has.

    Args:
        images, reference: the sets.
        kernel: as of ``mmd``.
        counts: resamples of the images, (b, n); None: the images as they are.

    Returns:
        One value per resample, (b,).
    """
    groups = [embedded.metadata["group"].to_numpy() for embedded in (images, reference)]
    shared = set.intersection(*(_of_two(labels) for labels in groups))
    if not shared:
        return None
    ours, theirs = (np.isin(labels.astype(str), sorted(shared)) for labels in groups)
    return mmd(
        images.features[ours],
        reference.features[theirs],
        groups[0][ours],
        groups[1][theirs],
        kernel,
        None if counts is None else counts[:, ours],
    )


def mmd(
    x: np.ndarray,
    y: np.ndarray,
    x_groups: np.ndarray,
    y_groups: np.ndarray,
    kernel: Kernel,
    counts: np.ndarray | None = None,
) -> np.ndarray:
    """MMD² of two stratified samples, without bias.

    The usual unbiased estimator (Gretton et al. 2012) averages over all pairs of different samples. That is unbiased
    for independent samples. In a set with a fixed number of each group, a pair of different samples is of one group
    less often than two independent samples are, and the average is too low. Here each block of two groups has its own
    mean, and a block has the weight of its groups' shares of the set. With one group this is the usual estimator.

    Args:
        x, y: features, (n, d) and (m, d).
        x_groups, y_groups: the group of each sample, (n,) and (m,).
        kernel: gives its values for all pairs of the rows of two arrays.
        counts: how often each of several resamples has each row of ``x``, (b, n), with the sizes of the groups as they
            are; None: every row once.

    Returns:
        The distances, (b,): 0 in expectation where the groups agree in distribution and in share, then negative as
        often as positive.

    Raises:
        ValueError: a group has a single sample, of which no pair can be made.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    counts = np.ones((1, len(x))) if counts is None else counts.astype(np.float64)
    between = counts @ kernel(x, y).mean(1) / len(x)
    own = _within(kernel(x, x), x_groups, counts)
    return own + _within(kernel(y, y), y_groups, np.ones((1, len(y)))) - 2 * between


def _within(values: np.ndarray, groups: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean kernel of two independent draws from the mixture of the groups, of each resample."""
    names, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if (alone := sizes < 2).any():
        raise ValueError(
            f"the kernel distance needs two samples of each group at least; {str(names[alone][0])!r} has one"
        )
    member = np.eye(len(names))[index]
    total = ((counts @ values) * counts).sum(1)
    own = ((counts @ (values * (index[:, None] == index))) * counts) @ member
    # Pairs of a sample with itself leave the block, and the others stand for them.
    unbiased = (own - (counts * np.diag(values)) @ member) * sizes / (sizes - 1)
    return (total - own.sum(1) + unbiased.sum(1)) / len(values) ** 2


def _of_two(groups: np.ndarray) -> set[str]:
    names, sizes = np.unique(groups.astype(str), return_counts=True)
    return set(names[sizes > 1])
