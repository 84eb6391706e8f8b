"""Copies: how many images SSCD takes for a copy of a training image."""

import numpy as np
from pydantic import Field

from scripts.lib.experiment.config.section import Section, Share
from scripts.lib.metrics.metric import Embedded, Metric

METRICS = {
    "copies": Metric(
        "Copies", "share of images like a training image, lower is better", True, (0, 1.03), needs="a space of `sscd`"
    ),
    "copies_background": Metric(
        "Copies, background",
        "share of held-out real images like a training image",
        True,
        (0, 1.03),
        needs="a space of `sscd`, and a held-out reference",
    ),
}
AGAINST = "training"
NETWORKS = ("sscd",)  # In other spaces a similarity does not tell copies.


class Settings(Section):
    """Copies: the share of images that are similar to a training image by SSCD (Pizzi et al. 2022)."""

    similarity: Share = Field(
        0.5, description="Cosine similarity above which an image counts as a copy (Somepalli et al. 2023)."
    )


def compute(images: Embedded, training: np.ndarray, reference: Embedded | None, settings: Settings) -> dict[str, float]:
    """Return the share of copies among the images, and among the images of a held-out reference."""
    found = {"copies": copies(images.features, training, settings.similarity)}
    if reference is not None:
        found["copies_background"] = copies(reference.features, training, settings.similarity)
    return found


def copies(images: np.ndarray, training: np.ndarray, similarity: float) -> float:
    """Return the share of images whose largest cosine similarity to a training image is above ``similarity``."""
    ours, theirs = (
        np.asarray(z, np.float64) / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), np.finfo(np.float64).tiny)
        for z in (images, training)
    )
    return float(((ours @ theirs.T).max(1) > similarity).mean())
