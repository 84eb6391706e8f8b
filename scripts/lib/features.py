"""Networks that turn images into features, and images and prompts into CLIP embeddings."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from transformers import CLIPModel, CLIPTokenizer
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from scripts.lib import pipelines
from scripts.lib.pipelines import device

Extractor = Callable[[np.ndarray], np.ndarray]


class Clip:
    """A CLIPModel as a scorer and as a feature extractor.

    Images are resized bicubically with antialiasing to the tower's size, as ``CLIPImageProcessor`` does.
    """

    def __init__(self, folder: Path, batch_size: int) -> None:
        self.model = pipelines.load(CLIPModel, folder).eval().to(device())
        self.tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        self.batch_size = batch_size

    def _pixels(self, images: np.ndarray) -> torch.Tensor:
        size = self.model.config.vision_config.image_size
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).to(device()) / 255
        if pixels.shape[-1] != size:
            pixels = F.interpolate(pixels, (size, size), mode="bicubic", antialias=True).clamp(0, 1)
        mean, std = (torch.tensor(v, device=device()).view(3, 1, 1) for v in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
        return (pixels - mean) / std

    @torch.no_grad()
    def pooled(self, images: np.ndarray) -> np.ndarray:
        """Return the pooled output of the vision tower: uint8 (n, h, w, 3) to float32 (n, width)."""
        parts = _split(images, self.batch_size)
        return np.concatenate([self.model.vision_model(self._pixels(p)).pooler_output.cpu().numpy() for p in parts])

    @torch.no_grad()
    def embed_images(self, images: np.ndarray) -> np.ndarray:
        """Return projected image embeddings, float32 (n, projection)."""
        return self.model.visual_projection(torch.from_numpy(self.pooled(images)).to(device())).cpu().numpy()

    @torch.no_grad()
    def embed_texts(self, texts: list[str]) -> np.ndarray:
        """Return projected text embeddings, float32 (n, projection); equal texts are computed once."""
        unique, index = np.unique(texts, return_inverse=True)
        tokens = self.tokenizer(list(unique), padding="max_length", truncation=True, return_tensors="pt").to(device())
        pooled = self.model.text_model(**tokens).pooler_output
        return self.model.text_projection(pooled).cpu().numpy()[index]


def clip_features(weights: Path, batch_size: int) -> Extractor:
    """Return an extractor of (n, width): the pooled output of a CLIP's vision tower."""
    return Clip(weights, batch_size).pooled


def vae_features(weights: Path, batch_size: int) -> Extractor:
    """Return an extractor of maps (n, positions, channels): an autoencoder before its first downsampling.

    The counterpart, in the embedded models, of the Inception maps before the first pooling.
    """
    from diffusers import AutoencoderKL  # Two seconds that the other extractors need not wait.

    encoder = pipelines.load(AutoencoderKL, weights).eval().to(device()).encoder

    @torch.no_grad()
    def extract(images: np.ndarray) -> np.ndarray:
        maps = []
        for part in _split(images, batch_size):
            hidden = encoder.conv_in(torch.from_numpy(part).permute(0, 3, 1, 2).to(device()) / 127.5 - 1)
            for resnet in encoder.down_blocks[0].resnets:
                hidden = resnet(hidden, temb=None)
            maps.append(hidden.flatten(2).transpose(1, 2).cpu().numpy())
        return np.concatenate(maps)

    return extract


EXTRACTORS: dict[str, Callable[[Path, int], Extractor]] = {"clip": clip_features, "vae": vae_features}


def _split(images: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    return (images[start : start + batch_size] for start in range(0, len(images), batch_size))
