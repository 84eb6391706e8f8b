"""The ResNet-50 of SSCD: torchvision's, with a generalized mean as its pooling."""

from pathlib import Path

import torch
from torch import nn
from torchvision.models.resnet import resnet50

from scripts.lib.vision.state_dicts import load_state

FEATURES, POWER = 512, 3.0
SMALLEST_ACTIVATION = 1e-6


class GeneralizedMean(nn.Module):
    """The generalized mean of non-negative activations, of power 3: (n, channels, h, w) to (n, channels, 1, 1)."""

    def forward(self, activations: torch.Tensor) -> torch.Tensor:
        """Return the cubic root of the mean cube."""
        powers = activations.clamp(min=SMALLEST_ACTIVATION).pow(POWER)
        return powers.mean((2, 3), keepdim=True).pow(1 / POWER)


def network(weights: Path, published: str) -> nn.Module:
    """Return the network of Pizzi et al. (2022), without the scaling to length 1: (n, 3, h, w) to (n, 512).

    Args:
        weights: its tensors, under torchvision's names, with or without the prefix ``backbone.``.
        published: the file that has them, for a message.

    Raises:
        ModelError: the file holds other weights.
    """
    model = resnet50(num_classes=FEATURES)
    model.avgpool = GeneralizedMean()
    load_state(model, weights, published, prefix="backbone.")
    return model.eval()
