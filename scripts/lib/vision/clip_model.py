"""A CLIPModel as a scorer and as a feature extractor."""

from pathlib import Path

import numpy as np
import torch
from transformers import CLIPModel, CLIPTokenizer

from scripts.lib.engines import pipelines
from scripts.lib.engines.pipelines import device
from scripts.lib.vision.batches import batches
from scripts.lib.vision.clip_files import normalization
from scripts.lib.vision.pixels import pixels


class Clip:
    """A CLIPModel as a scorer and as a feature extractor.

    Images are resized bicubically with antialiasing to the tower's size, in 8 bits and on the CPU, and normalized
    by the mean and deviation of its ``preprocessor_config.json``, as ``CLIPImageProcessor`` does.
    """

    def __init__(self, folder: Path, batch_size: int) -> None:
        self.model = pipelines.load(CLIPModel, folder).eval().to(device())
        self.tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        self.normalization = normalization(folder)
        self.batch_size = batch_size

    def _pixels(self, images: np.ndarray) -> torch.Tensor:
        return pixels(images, self.model.config.vision_config.image_size, "bicubic", self.normalization)

    @torch.no_grad()
    def pooled(self, images: np.ndarray) -> np.ndarray:
        """Return the pooled output of the vision tower: uint8 (n, h, w, 3) to float32 (n, width)."""
        parts = batches(images, self.batch_size)
        return np.concatenate(
            [self.model.vision_model(self._pixels(p)).pooler_output.float().cpu().numpy() for p in parts]
        )

    @torch.no_grad()
    def project(self, pooled: np.ndarray) -> np.ndarray:
        """Return the image embeddings of pooled outputs, float32 (n, projection)."""
        return self.model.visual_projection(torch.from_numpy(pooled).to(device())).float().cpu().numpy()

    def embed_images(self, images: np.ndarray) -> np.ndarray:
        """Return projected image embeddings, float32 (n, projection)."""
        return self.project(self.pooled(images))

    @torch.no_grad()
    def embed_texts(self, texts: list[str]) -> np.ndarray:
        """Return projected text embeddings, float32 (n, projection); equal texts are computed once."""
        unique, index = np.unique(texts, return_inverse=True)
        tokens = self.tokenizer(list(unique), padding="max_length", truncation=True, return_tensors="pt").to(device())
        pooled = self.model.text_model(**tokens).pooler_output
        return self.model.text_projection(pooled).float().cpu().numpy()[index]
