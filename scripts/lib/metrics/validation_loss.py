"""Validation loss: how well a model predicts noise in real images that it was not trained on."""

import numpy as np
from pydantic import Field

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Metric

METRICS = {
    "validation_loss": Metric(
        "Validation loss",
        "on held-out real images, lower is better",
        False,
        (0, None),
        needs="a held-out reference and `draws`",
    ),
}
AGAINST = "model"


class Settings(Section):
    """Validation loss: the model's training loss on the held-out reference, at noise that is the same for all models.

    A job per cell measures it on a GPU. With `dataset.reference: matched` no real image is held out, and there is none.
    """

    draws: int = Field(
        1,
        ge=0,
        description="How often noise and its level are drawn for each image of the reference; 0: it is not measured. A "
        "change measures every model again, so that models that are gone are trained again.",
    )


def compute(losses: np.ndarray, _: Settings) -> dict[str, float]:
    """Return the mean over the images.

    Args:
        losses: of each held-out image the mean over its draws, (n,).
    """
    return {"validation_loss": float(np.mean(losses, dtype=np.float64))}
