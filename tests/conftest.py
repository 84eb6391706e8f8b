"""What several tests share: small images, a small configuration."""

import copy

import numpy as np
import pytest

SETTINGS = {
    "experiment": "small",
    "model": "model",
    "dataset": {
        "source": "avatars",
        "attributes": {"gender": ["man", "woman"], "age": ["young", "old"]},
        "prompt": "a photo of a {age} {gender}",
    },
    "rewards": {"single_image_distance": {"features": {"network": "vae", "weights": "model/vae"}}},
    "unseen": {"prompts": ["a photo of a cat"]},
    "score": {"clip": "clip", "features": {"clip": {"network": "clip", "weights": "clip"}}},
    "figures": {"group": {"gender": "man", "age": "old"}},
    "arms": {"mixed": {"synthetic": 0.5}},
}


@pytest.fixture
def settings():
    """A configuration that says only what it must; the test's own to change."""
    return copy.deepcopy(SETTINGS)


@pytest.fixture
def images():
    """Eight smooth color images, uint8 (8, 24, 24, 3): blobs, so that histograms and maps have structure."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (8, 4, 4, 3))
    noise = rng.integers(-12, 13, (8, 24, 24, 3))
    return (coarse.repeat(6, 1).repeat(6, 2) + noise).clip(0, 255).astype(np.uint8)
