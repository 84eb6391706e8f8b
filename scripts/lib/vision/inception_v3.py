"""The two Inception-v3 of the field: the FID's, and the first layers of torchvision's for single-image distances."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.inception import Inception3, InceptionA, InceptionC, InceptionE

from scripts.lib.engines.pipelines import device
from scripts.lib.vision import inception_files
from scripts.lib.vision.batches import batches
from scripts.lib.vision.state_dicts import load_state

SIZE = 299
# What comes before the first and before the second max pooling, by its number of channels.
STEM = {
    64: ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"),
    192: ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1", "Conv2d_3b_1x1", "Conv2d_4a_3x3"),
}


def fid_network(weights: Path) -> nn.Module:
    """Return the Inception-v3 of Heusel et al. (2017): (n, 3, 299, 299) in [-1, 1] to (n, 2048).

    It is torchvision's with the poolings of the TensorFlow original, as in pytorch-fid: averages do not
    count the padding, and the last block takes a maximum.

    Args:
        weights: ``pt_inception-2015-12-05-6726825d.pth`` of pytorch-fid, the same file as torch-fidelity's.

    Raises:
        ModelError: the file holds other weights.
    """
    network = Inception3(num_classes=1008, aux_logits=False, init_weights=False)
    for block in network.modules():
        if isinstance(block, InceptionA | InceptionC | InceptionE):
            block.branch_pool.register_forward_pre_hook(_without_padding)
    _pool_by_maximum(network.Mixed_7c)
    load_state(network, weights, inception_files.FID)
    network.fc = nn.Identity()
    return network.eval()


def stem(weights: Path, channels: int) -> nn.Module:
    """Return torchvision's ImageNet Inception-v3 up to a max pooling: (n, 3, h, w) in [-1, 1] to (n, channels, h', w').

    Of the maps of SinGAN's single-image FID: before the second pooling, as the paper describes them, and
    before the first, as its code had them at first.

    Args:
        weights: ``inception_v3_google-0cc3c7bd.pth`` of torchvision.
        channels: 192 or 64.

    Raises:
        ModelError: the file holds other weights.
    """
    network = Inception3(init_weights=False)
    load_state(network, weights, inception_files.IMAGENET)
    return nn.Sequential(OrderedDict((name, getattr(network, name)) for name in STEM[channels])).eval()


def fid_extractor(weights: Path, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return an extractor of (n, 2048): the Inception-v3 of the FID, images resized and scaled as by pytorch-fid."""
    return partial(_extract, fid_network(weights).to(device()), SIZE, batch_size)


def stem_extractor(channels: int, weights: Path, batch_size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return an extractor of maps (n, positions, channels): the ImageNet Inception-v3 before a max pooling.

    Images keep their size, as in SinGAN's code: 512 pixels make 124 x 124 positions of 192 channels.
    """
    network = nn.Sequential(stem(weights, channels), nn.Flatten(2)).to(device())
    return lambda images: _extract(network, None, batch_size, images).transpose(0, 2, 1)


@torch.no_grad()
def _extract(network: nn.Module, size: int | None, batch_size: int, images: np.ndarray) -> np.ndarray:
    results = []
    for part in batches(images, batch_size):
        pixels = torch.from_numpy(part).permute(0, 3, 1, 2).to(device()) / 255
        if size is not None:
            pixels = F.interpolate(pixels, (size, size), mode="bilinear")
        results.append(network(2 * pixels - 1).float().cpu().numpy())
    return np.concatenate(results)


def _without_padding(_: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
    """Turn 3 x 3 averages that count the padding into averages that do not."""
    (pooled,) = inputs
    return (pooled / F.avg_pool2d(torch.ones_like(pooled[:1, :1]), 3, 1, 1),)


def _pool_by_maximum(block: InceptionE) -> None:
    """Let the pooling branch of a block take the maxima of the block's input."""
    maxima: list[torch.Tensor] = []
    block.register_forward_pre_hook(lambda _, inputs: maxima.append(F.max_pool2d(inputs[0], 3, 1, 1)))
    block.branch_pool.register_forward_pre_hook(lambda *_: (maxima.pop(),))
