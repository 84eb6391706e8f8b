"""What a fine-tune sees: training images and prompts in the engine's terms, in batches, with noise."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from scripts.lib.base.seeds import seed_of
from scripts.lib.engines.engine import Encoder, Objective

PIXELS = 2**20  # A batch of the autoencoder: four images of 512 pixels, so that memory does not grow with their size.


class TrainingData(NamedTuple):
    """What the frozen parts make of the training images, computed once.

    ``mean`` and ``std`` are the moments of the scaled latents, (flips, n, channels, height, width),
    flips being 2 (as it is, mirrored) or 1; each tensor of ``text`` has one row per distinct prompt,
    ``prompt`` is each image's row in it, and ``empty`` that of the empty prompt, with which an image
    trains with the probability ``dropout``.
    """

    mean: torch.Tensor
    std: torch.Tensor
    text: dict[str, torch.Tensor]
    prompt: torch.Tensor
    empty: int
    dropout: float = 0.0

    def text_of(self, samples: torch.Tensor, without: torch.Tensor | bool = False) -> dict[str, torch.Tensor]:
        """Return the text of samples, one row per sample; the empty prompt where ``without`` is true."""
        rows = torch.where(torch.as_tensor(without), self.empty, self.prompt[samples])
        return {name: tensor[rows] for name, tensor in self.text.items()}


@torch.no_grad()
def encode(
    images: np.ndarray, prompts: list[str], encoder: Encoder, *, flip: bool, dropout: float = 0.0
) -> TrainingData:
    """Run the frozen parts of an engine once over the training set.

    Args:
        images: uint8 (n, height, width, 3).
        prompts: n texts.
        encoder: the frozen parts.
        flip: also encode the mirrored images.
        dropout: probability with which a sample trains with the empty prompt.
    """
    batch_size = max(1, PIXELS // (images.shape[1] * images.shape[2]))
    unique, prompt = np.unique([*prompts, *[""] * (dropout > 0)], return_inverse=True)
    parts = [encoder.encode_text(unique[start : start + batch_size].tolist()) for start in _starts(unique, batch_size)]
    text = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    moments = []
    for mirrored in (False, True) if flip else (False,):
        encoded = []
        for start in _starts(images, batch_size):
            pixels = torch.from_numpy(images[start : start + batch_size]).permute(0, 3, 1, 2) / 127.5 - 1
            encoded.append(torch.stack(encoder.encode_image(pixels.flip(-1) if mirrored else pixels)))
        moments.append(torch.cat(encoded, dim=1))
    mean, std = torch.stack(moments, dim=1)
    return TrainingData(mean, std, text, torch.from_numpy(prompt[: len(prompts)]), int(prompt[-1]), dropout)


def _starts(items: np.ndarray, batch_size: int) -> range:
    return range(0, len(items), batch_size)


def batches(n: int, batch_size: int, seed: int) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield (step, indices of its samples) without end: each epoch a fresh permutation, its last batch may be short."""
    step = 0
    for epoch in itertools.count():
        order = torch.randperm(n, generator=torch.Generator().manual_seed(seed_of(seed, "epoch", epoch)))
        for samples in order.split(batch_size):
            yield step, samples
            step += 1


def share_of(samples: torch.Tensor, process: int, processes: int) -> tuple[torch.Tensor, float]:
    """Return the samples of a batch that one of several processes takes, and the weight of its mean loss.

    The mean over the processes of weight times loss is the mean loss of the batch. A batch with fewer
    samples than processes leaves some with a sample of weight 0, so that all take part in every step.
    """
    share = samples.tensor_split(processes)[process]
    return (share if len(share) else samples[:1]), processes * len(share) / len(samples)


def dropped(samples: torch.Tensor, step: int, share: float, seed: int) -> torch.Tensor:
    """Draw which samples train without their prompt in one step; each one's depends on (seed, step, sample) alone."""
    drawn = [seed_of(seed, "caption", step, sample) / 2**63 < share for sample in samples.tolist()]
    return torch.tensor(drawn, dtype=torch.bool)


def draw(
    data: TrainingData, samples: torch.Tensor, step: int, objective: Objective, seed: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Draw latents, noise and its levels for one step; each sample's depend on (seed, step, sample) alone."""
    latents, noise, levels = [], [], []
    for sample in samples.tolist():
        rng = torch.Generator().manual_seed(seed_of(seed, "step", step, sample))
        flip = int(torch.randint(len(data.mean), (), generator=rng))
        mean = data.mean[flip, sample]
        latents.append(mean + data.std[flip, sample] * torch.randn(mean.shape, generator=rng))
        noise.append(torch.randn(mean.shape, generator=rng))
        levels.append(objective.draw_level(latents[-1], rng))
    return torch.stack(latents), torch.stack(noise), torch.stack(levels)
