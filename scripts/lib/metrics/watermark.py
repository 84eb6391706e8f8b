"""Whether a cell's images have the watermark that was written into the images its models were trained on."""

from collections.abc import Callable

import numpy as np
from pydantic import Field

from scripts.lib.metrics.metric import Embedded, Metric
from scripts.lib.vision.watermark import Band, Mark, scores

METRICS = {
    "watermark_auc": Metric(
        "Watermark found (AUC)", "0.5 is chance, 1 is always", False, (0, 1.03), "watermark", needs="real images"
    ),
    "watermark_tpr": Metric(
        "Watermark found at 1 % false alarms",
        "share of the images; 0.01 is chance",
        False,
        (0, 1.03),
        "watermark",
        needs="100 real images",
    ),
}
AGAINST = "reference"
FALSE_ALARMS = 0.01


class Settings(Band):
    """How well a detector of the mark tells generated images from the reference: AUC, and TPR at 1 % FPR."""

    key: int | None = Field(
        None, ge=0, description="The key of the mark that is looked for, as in the step `watermark`; none: nothing is."
    )


def measure(settings: Settings) -> Callable[[np.ndarray], float] | None:
    """Return what gives an image, uint8 (height, width, 3), its score; None where no mark is looked for."""
    if settings.key is None:
        return None
    mark = Mark(**settings.model_dump())
    return lambda image: float(scores(image[None], mark)[0])


def compute(images: Embedded, reference: Embedded, settings: Settings, **__: bool) -> dict[str, float]:
    """Return both, the second one of 100 real images or more."""
    ranks = _ranks(images, reference)
    return {name: float(values.mean()) for name, values in ranks.items()}


def resampled(
    images: Embedded, reference: Embedded, settings: Settings, counts: np.ndarray, **__: bool
) -> dict[str, np.ndarray]:
    """Return both of resamples of the images; the reference stays."""
    ranks = _ranks(images, reference)
    return {name: counts @ values / counts.sum(1) for name, values in ranks.items()}


def _ranks(images: Embedded, reference: Embedded) -> dict[str, np.ndarray]:
    """Return for each image the share of real ones of a smaller score, ties by half, and whether it is an alarm."""
    if "watermark" not in images.measured:
        return {}
    own, real = images.measured["watermark"], np.sort(reference.measured["watermark"])
    below = (np.searchsorted(real, own, "left") + np.searchsorted(real, own, "right")) / 2
    found = {"watermark_auc": below / len(real)}
    if (allowed := int(FALSE_ALARMS * len(real))) > 0:
        # The smallest threshold that no more than `allowed` real images exceed.
        found["watermark_tpr"] = (own > real[-allowed - 1]).astype(float)
    return found
