"""The CLIP score: how well an image fits its prompt."""

import numpy as np

from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.metric import Embedded, Metric

METRICS = {
    "clip_score": Metric("CLIP score", "higher is better", False, None, "curves", needs="an image"),
    "clip_score_std": Metric("CLIP score, standard deviation", "over the images", False, (0, None), needs="two images"),
}
AGAINST = "nothing"


class Settings(Section):
    """The CLIP score: 100 times the cosine similarity of an image and its prompt (Hessel et al. 2021)."""


def compute(images: Embedded, _: Settings) -> dict[str, float]:
    """Return its mean over the images and, of two at least, its standard deviation (divisor n - 1)."""
    scores = clip_scores(images.clip_image, images.clip_text)
    deviation = {"clip_score_std": float(scores.std(ddof=1))} if len(scores) > 1 else {}
    return {"clip_score": float(scores.mean())} | deviation


def resampled(images: Embedded, _: Settings, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return the means and the standard deviations of resamples of the images."""
    scores, n = clip_scores(images.clip_image, images.clip_text), len(images.clip_image)
    means = counts @ scores / n
    squares = counts @ (scores - scores.mean()) ** 2 - n * (means - scores.mean()) ** 2
    deviation = {"clip_score_std": np.sqrt(squares.clip(0) / (n - 1))} if n > 1 else {}
    return {"clip_score": means} | deviation


def clip_scores(images: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Return 100 x cosine similarity of each image embedding with its text's, (n, d), (n, d) to (n,)."""
    images, texts = (np.asarray(z, np.float64) for z in (images, texts))
    cosine = (images * texts).sum(1) / np.linalg.norm(images, axis=1) / np.linalg.norm(texts, axis=1)
    return 100 * cosine
