"""Networks that turn images into features, and images and prompts into CLIP embeddings."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import CLIPModel, CLIPTokenizer

from scripts.lib.engines import pipelines
from scripts.lib.engines.pipelines import device
from scripts.lib.experiment.choices import Network
from scripts.lib.scoring.networks import normalization

Extractor = Callable[[np.ndarray], np.ndarray]


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
        size = self.model.config.vision_config.image_size
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
        if pixels.shape[-1] != size:
            pixels = F.interpolate(pixels, (size, size), mode="bicubic", antialias=True)
        pixels = pixels.to(device()) / 255
        mean, std = (torch.tensor(v, device=device()).view(3, 1, 1) for v in self.normalization)
        return (pixels - mean) / std

    @torch.no_grad()
    def pooled(self, images: np.ndarray) -> np.ndarray:
        """Return the pooled output of the vision tower: uint8 (n, h, w, 3) to float32 (n, width)."""
        parts = _split(images, self.batch_size)
        return np.concatenate([self.model.vision_model(self._pixels(p)).pooler_output.cpu().numpy() for p in parts])

    @torch.no_grad()
    def project(self, pooled: np.ndarray) -> np.ndarray:
        """Return the image embeddings of pooled outputs, float32 (n, projection)."""
        return self.model.visual_projection(torch.from_numpy(pooled).to(device())).cpu().numpy()

    def embed_images(self, images: np.ndarray) -> np.ndarray:
        """Return projected image embeddings, float32 (n, projection)."""
        return self.project(self.pooled(images))

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


def inception_features(weights: Path, batch_size: int) -> Extractor:
    """Return an extractor of (n, 2048): the Inception-v3 of the FID, images resized and scaled as by pytorch-fid."""
    from scripts.lib.scoring import inception  # torchvision takes two seconds that the other extractors need not wait.

    network = inception.fid_network(weights).to(device())
    return partial(_inception, network, inception.SIZE, batch_size)


def stem_features(channels: int, weights: Path, batch_size: int) -> Extractor:
    """Return an extractor of maps (n, positions, channels): the ImageNet Inception-v3 before a max pooling.

    Images keep their size, as in SinGAN's code: 512 pixels make 124 x 124 positions of 192 channels.
    """
    from scripts.lib.scoring import inception

    network = nn.Sequential(inception.stem(weights, channels), nn.Flatten(2)).to(device())
    extract = partial(_inception, network, None, batch_size)
    return lambda images: extract(images).transpose(0, 2, 1)


@torch.no_grad()
def _inception(network: nn.Module, size: int | None, batch_size: int, images: np.ndarray) -> np.ndarray:
    results = []
    for part in _split(images, batch_size):
        pixels = torch.from_numpy(part).permute(0, 3, 1, 2).to(device()) / 255
        if size is not None:
            pixels = F.interpolate(pixels, (size, size), mode="bilinear")
        results.append(network(2 * pixels - 1).cpu().numpy())
    return np.concatenate(results)


EXTRACTORS: dict[Network, Callable[[Path, int], Extractor]] = {
    "clip": clip_features,
    "vae": vae_features,
    "inception": inception_features,
    "inception_192": partial(stem_features, 192),
    "inception_64": partial(stem_features, 64),
}
# Scores of one network under two resizings differ by more than many an effect: each says what it did.
RESIZE: dict[Network, str] = {
    "clip": "bicubic with antialiasing to the size of the tower",
    "vae": "none",
    "inception": "bilinear without antialiasing to 299 px, as in pytorch-fid",
    "inception_192": "none",
    "inception_64": "none",
}


def _split(images: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    return (images[start : start + batch_size] for start in range(0, len(images), batch_size))
