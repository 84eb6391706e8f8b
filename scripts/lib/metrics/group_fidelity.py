"""Group fidelity: how many images a classifier puts into the group that their prompt names."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric

METRICS = {
    "group_fidelity": Metric(
        "Group fidelity",
        "share of images that show the prompted group, higher is better",
        False,
        (0, 1.03),
        needs="an attribute that a classifier can tell",
    ),
}
AGAINST = "nothing"


class Settings(Section):
    """The share of images that the data set's classifier puts into the prompted group."""


def compute(images: Embedded, settings: Settings) -> dict[str, float]:
    """Return the share where something classifies the images.

    Of all images it counts those with every attribute as prompted, and of the images of one value of an attribute those
    with this attribute as prompted.
    """
    once = np.ones((1, len(images.metadata)), int)
    return {name: float(values[0]) for name, values in resampled(images, settings, once).items()}


def resampled(images: Embedded, _: Settings, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return the shares of resamples of the images."""
    if images.fits is None or images.fits.columns.empty:
        return {}
    return {"group_fidelity": counts @ images.fits.all(axis=1).to_numpy() / len(images.fits)}
