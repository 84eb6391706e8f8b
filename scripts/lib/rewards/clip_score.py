"""How well an image fits its prompt: its CLIP score."""

from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from pydantic import model_validator

from scripts.lib.experiment.config.features import Features
from scripts.lib.experiment.config.section import Section
from scripts.lib.metrics.clip_score import clip_scores

CLIPS = ("clip", "clip_embedding")


class Settings(Section):
    """How well an image fits its prompt: 100 times the cosine of their CLIP embeddings (Hessel et al. 2021)."""

    features: Features

    @model_validator(mode="after")
    def _is_clip(self) -> Self:
        if self.features.network not in CLIPS:
            raise ValueError(f"`features.network` is {self.features.network!r}; the CLIP score needs `clip`")
        return self


def reward(metadata: pd.DataFrame, images: np.ndarray, settings: Settings, real: Path, batch_size: int) -> np.ndarray:
    """Return the CLIP score of each image and its prompt; larger is better.

    Args:
        metadata: the table of the image set; ``text`` is the prompt.
        images: its images, uint8 (n, height, width, 3).
        settings: the CLIP.
        real: not read.
        batch_size: images per batch of the network.

    Returns:
        float64 (n,), from -100 to 100.
    """
    from scripts.lib.vision.clip_model import Clip

    clip = Clip(Path(settings.features.weights), batch_size)
    return clip_scores(clip.embed_images(images), clip.embed_texts(metadata["text"].tolist()))
