"""Filters that keep the largest rewards of each group, and the rewards that are made for them."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from scripts.lib.base.code import ROOT
from scripts.lib.base.safetensors_files import ModelError
from scripts.lib.curation import entropy, latent_space
from scripts.lib.curation.candidates import Inputs, Kept, chosen
from scripts.lib.networks import clip, unet_bottleneck
from scripts.lib.rewards import farthest_point
from scripts.lib.rewards.farthest_point import farthest_point_distances

NAMES = [f"{group}-{i}.png" for group, size in (("a", 6), ("b", 3)) for i in range(size)]
CANDIDATES = pd.DataFrame({"slot": NAMES, "file_name": NAMES, "images": "base/generated.zip"}).assign(
    group=[name[0] for name in NAMES], origin="base", iteration=0
)
SCORES = pd.Series([0.1, 0.9, 0.3, 0.8, 0.2, 0.7, 5.0, 7.0, 6.0])
MODEL = ROOT / "models/miniature"


@pytest.mark.parametrize(("step", "reward"), [(entropy, "farthest_point"), (latent_space, "group_probability")])
def test_the_images_of_the_largest_rewards_of_each_group_are_kept(step, reward):
    settings = step.Settings(keep=0.5, on_reject="drop")
    assert step.needs(settings).reward == reward
    assert step.keeps(settings) == Kept(0.5)
    table = step.curate(CANDIDATES, settings, Inputs(Path(), 0, scores=SCORES)).table
    assert chosen(table)["slot"].tolist() == ["a-1.png", "a-3.png", "a-5.png", "b-1.png", "b-2.png"]
    assert table["threshold"].tolist() == [0.7] * 6 + [6.0] * 3
    assert table["score"].tolist() == SCORES.tolist()


def test_what_takes_the_place_of_a_rejected_image_is_a_kept_one_of_its_group():
    tables = [
        entropy.curate(CANDIDATES, entropy.Settings(), Inputs(Path(), seed, scores=SCORES)).table for seed in (0, 1)
    ]
    for table in tables:
        train = chosen(table)
        assert train["slot"].tolist() == NAMES
        assert set(train["file_name"]) == set(table.loc[table["accepted"], "file_name"])
        assert (train["file_name"].str[0] == train["group"]).all()
    assert not tables[0]["instead"].equals(tables[1]["instead"])


def test_a_share_of_nothing_keeps_nothing():
    table = entropy.curate(CANDIDATES, entropy.Settings(keep=0), Inputs(Path(), 0, scores=SCORES)).table
    assert chosen(table).empty
    assert table["threshold"].isna().all()


def greedy(features: np.ndarray, number: int) -> list[int]:
    """Choose by brute force: the point nearest to the mean, then the farthest from all chosen ones."""
    taken = [int(np.argmin([np.linalg.norm(one - features.mean(0)) for one in features]))]
    while len(taken) < number:
        left = [row for row in range(len(features)) if row not in taken]
        taken.append(max(left, key=lambda row: min(np.linalg.norm(features[row] - features[one]) for one in taken)))
    return taken


@pytest.mark.parametrize("number", [1, 2, 5, 11, 12])
def test_the_largest_distances_are_those_of_the_greedy_choice(number):
    features = np.random.default_rng(3).normal(size=(12, 4))
    found = farthest_point_distances(features)
    assert set(np.argsort(-found, kind="stable")[:number]) == set(greedy(features, number))


def test_a_greedy_choice_is_at_most_twice_as_near_as_the_best_one():
    """Gonzalez 1985: the least distance within its choice is at least half of what any choice can have."""
    features = np.random.default_rng(4).normal(size=(9, 2))

    def least(rows):
        return min(np.linalg.norm(features[a] - features[b]) for a, b in combinations(rows, 2))

    best = max(least(rows) for rows in combinations(range(9), 4))
    assert least(np.argsort(-farthest_point_distances(features))[:4]) >= best / 2


def test_equal_images_add_nothing_and_one_image_is_no_error():
    assert farthest_point_distances(np.array([[0.0], [0.0], [3.0]])).tolist() in ([3, 0, 3], [0, 3, 3])
    assert farthest_point_distances(np.ones((1, 3))).tolist() == [0]


def test_distances_are_within_groups(images, monkeypatch):
    monkeypatch.setattr(clip, "extractor", lambda _, __: lambda part: part.mean((1, 2)))
    metadata = pd.DataFrame({"group": list("xyxyxyxy")})
    settings = farthest_point.Settings(features={"network": "clip", "weights": "clip"})
    found = farthest_point.reward(metadata, images, settings, Path(), 4)
    for start in (0, 1):
        assert found[start::2] == pytest.approx(farthest_point_distances(images[start::2].mean((1, 2))))
    with pytest.raises(ValidationError, match="distances are between vectors"):
        farthest_point.Settings(features={"network": "vae", "weights": "vae"})


def test_the_bottleneck_is_what_the_middle_block_gives(images):
    import torch

    from scripts.lib.engines import stable_diffusion

    small = images[:, :16, :16].repeat(2, 1).repeat(2, 2)
    unet_bottleneck.check(MODEL)
    features = unet_bottleneck.extractor(MODEL, 3)(small)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert features == pytest.approx(unet_bottleneck.extractor(MODEL, 8)(small), abs=1e-4), "whatever the batches"
    assert np.linalg.norm(features[0] - features[1]) > 1e-2
    network, encoder = stable_diffusion.network(MODEL / "unet"), stable_diffusion.encoder(MODEL)
    with torch.no_grad():
        latents, _ = encoder.encode_image(torch.from_numpy(small[:1]).permute(0, 3, 1, 2) / 127.5 - 1)
        hidden: list[torch.Tensor] = []
        network.mid_block.register_forward_hook(lambda *arguments: hidden.append(arguments[2]))
        network(latents, torch.tensor(0), encoder.encode_text([""])["states"])
    assert features[:1] == pytest.approx(hidden[0].mean((2, 3)).numpy(), abs=1e-4)


def test_the_bottleneck_needs_a_pipeline():
    with pytest.raises(ModelError, match="no diffusers pipeline there"):
        unet_bottleneck.check(MODEL / "vae")
    assert unet_bottleneck.build(MODEL)["unet"] == "UNet2DConditionModel"
