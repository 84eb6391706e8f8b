"""The single-image Fréchet distance, and the reward that is made of it."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import sqrtm

from scripts.lib.base import imageset
from scripts.lib.networks import vae
from scripts.lib.rewards.single_image_distance import Settings, reward, single_image_distances


@pytest.mark.parametrize("positions", [50, 6], ids=["regular", "fewer positions than channels"])
def test_single_image_distance_is_the_frechet_distance_of_the_positions_of_two_maps(positions):
    rng = np.random.default_rng(0)
    generated, real = rng.gamma(2, size=(3, positions, 8)), rng.gamma(3, size=(3, positions, 8))
    expected = []
    for a, b in zip(generated, real, strict=True):
        first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sqrtm warns of singular matrices
            cross = np.trace(sqrtm(first @ second)).real
        expected.append(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * cross)
    assert single_image_distances(generated, real, np.asarray, batch_size=2) == pytest.approx(
        np.array(expected), rel=1e-6 if positions > 8 else 1e-4
    )


def test_single_image_distance_is_invariant_to_where_things_are_and_zero_for_the_same_image():
    rng = np.random.default_rng(1)
    maps = rng.normal(size=(2, 40, 5))
    assert single_image_distances(maps, maps[:, ::-1], np.asarray, batch_size=1) == pytest.approx(0, abs=1e-9)


def test_the_reward_of_an_image_is_its_distance_to_the_real_image_of_its_name(tmp_path, images, monkeypatch):
    """Real images in another order, one network call for two images: each row has its own counterpart."""
    names = [f"{number}.png" for number in range(4)]
    imageset.write(tmp_path / "real.zip", pd.DataFrame({"file_name": names[::-1]}), images[4:])
    monkeypatch.setattr(vae, "extractor", lambda _, __: lambda part: part.reshape(len(part), -1, 3))
    settings = Settings.model_validate({"features": {"network": "vae", "weights": "vae"}})
    found = reward(pd.DataFrame({"file_name": names}), images[:4], settings, tmp_path / "real.zip", 2)
    flat = images.reshape(len(images), -1, 3)
    expected = single_image_distances(flat[:4], flat[4:][::-1], np.asarray, batch_size=4)
    assert found == pytest.approx(expected)
    assert len(set(found)) == 4
