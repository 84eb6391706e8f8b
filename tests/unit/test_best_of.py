"""One of K candidates is kept as often as Luce's rule says, and the table says how sure the choice was."""

from itertools import product
from math import exp, log
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from scripts.lib.curation import best_of
from scripts.lib.curation.best_of import Settings, probabilities
from scripts.lib.curation.candidates import Inputs, chosen
from scripts.lib.regimes import accumulate, replace

K, SLOTS = 3, 4001
CANDIDATES = pd.DataFrame(
    {"slot": f"{slot:04d}.png", "file_name": f"{slot:04d}.png", "images": f"base/generated{suffix}.zip"}
    for suffix, slot in product(("", "-2", "-3"), range(SLOTS))
).assign(group="a", origin="base", iteration=0)
REWARDS = np.array([0.3, 1.0, -0.4])


def curated(rewards, seed=0, table=CANDIDATES, **settings):
    chosen = Settings(**{"candidates": K, "reward": "single_image_distance"} | settings)
    return best_of.curate(table, chosen, Inputs(Path(), seed, scores=pd.Series(rewards))).table


@pytest.mark.parametrize("temperature", [0.25, 1.0, 4.0])
def test_probabilities_are_those_of_the_formula(temperature):
    weights = [exp(reward / temperature) for reward in REWARDS]
    assert probabilities(REWARDS, temperature) == pytest.approx([weight / sum(weights) for weight in weights])


def test_two_candidates_are_chosen_among_as_by_bradley_and_terry():
    first, second = probabilities(np.array([2.0, 0.5]), 0.7)
    assert first == pytest.approx(1 / (1 + exp(-1.5 / 0.7)))
    assert first + second == pytest.approx(1)


def test_rewards_of_any_size_have_probabilities():
    assert probabilities(np.array([1e6, 0.0]), 1e-3).tolist() == [1, 0]
    assert probabilities(np.array([5.0, 5.0, 1.0]), 0).tolist() == [0.5, 0.5, 0]


@pytest.mark.parametrize(("prefer", "sign"), [("large", 1), ("small", -1)])
def test_candidates_are_kept_as_often_as_the_formula_says(prefer, sign):
    table = curated(REWARDS.repeat(SLOTS), prefer=prefer)
    kept = table["accepted"].to_numpy().reshape(K, SLOTS)
    assert (kept.sum(0) == 1).all(), "one per slot"
    expected = probabilities(sign * REWARDS, 1.0)
    assert kept.mean(1) == pytest.approx(expected, abs=4 * (0.25 / SLOTS) ** 0.5), "four standard deviations"
    assert table["probability"].to_numpy().reshape(K, SLOTS)[:, 0] == pytest.approx(expected)


def test_the_density_after_the_choice_is_that_of_the_mean_field():
    """H(x) = E[K e^r(x) / (e^r(x) + sum of K - 1 others)], by enumeration on a distribution of three values."""
    density, rewards = np.array([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 2.0])
    after = np.zeros(3)
    for drawn in product(range(3), repeat=K):
        chances = probabilities(rewards[list(drawn)], 1.0)
        for value, chance in zip(drawn, chances, strict=True):
            after[value] += density[list(drawn)].prod() * chance
    tilt = [
        sum(
            density[list(others)].prod() * K * exp(rewards[x]) / (exp(rewards[x]) + sum(np.exp(rewards[list(others)])))
            for others in product(range(3), repeat=K - 1)
        )
        for x in range(3)
    ]
    assert after == pytest.approx(density * tilt)
    values = np.random.default_rng(0).choice(3, len(CANDIDATES), p=density)
    kept = values[curated(rewards[values])["accepted"].to_numpy()]
    assert np.bincount(kept, minlength=3) / SLOTS == pytest.approx(after, abs=0.032), "four standard deviations"


def test_at_temperature_zero_the_best_is_kept():
    rewards = np.random.default_rng(1).random(len(CANDIDATES))
    table = curated(rewards, temperature=0)
    by_slot = pd.Series(rewards).groupby(CANDIDATES["slot"])
    assert table["accepted"].tolist() == (by_slot.transform("max") == rewards).tolist()
    smallest = curated(rewards, temperature=0, prefer="small")
    assert smallest["accepted"].tolist() == (by_slot.transform("min") == rewards).tolist()


@pytest.mark.parametrize(
    ("temperature", "rewards", "entropy"),
    [(0, REWARDS, 0), (1, np.zeros(K), log(K)), (0, np.array([1.0, 1.0, 0]), log(2)), (1, REWARDS, None)],
)
def test_the_entropy_of_the_choice_is_recorded(temperature, rewards, entropy):
    chances = probabilities(rewards, temperature)
    expected = -sum(chance * log(chance) for chance in chances if chance) if entropy is None else entropy
    table = curated(rewards.repeat(SLOTS), temperature=temperature)
    assert table["entropy"].to_numpy() == pytest.approx(expected)


def test_the_order_of_the_slots_changes_no_choice_and_the_seed_does():
    rewards = np.random.default_rng(2).random(len(CANDIDATES))
    table = curated(rewards)
    order = np.array(sorted(range(len(CANDIDATES)), key=lambda row: (row % SLOTS * 7 % SLOTS, row)))
    moved = curated(rewards[order], table=CANDIDATES.iloc[order].reset_index(drop=True))
    assert (moved["accepted"].to_numpy() == table["accepted"].to_numpy()[order]).all()
    assert not curated(rewards, seed=1)["accepted"].equals(table["accepted"])


def test_each_model_keeps_its_own_candidate_of_a_slot():
    later = CANDIDATES.assign(origin="best", iteration=1)
    table = curated(np.zeros(2 * len(CANDIDATES)), table=pd.concat([CANDIDATES, later], ignore_index=True))
    assert chosen(table).groupby(["origin", "slot"]).size().eq(1).all()
    assert len(chosen(table)) == 2 * SLOTS


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"candidates": 1}, "greater than or equal to 2"),
        ({"reward": "beauty"}, r"there is no reward 'beauty'; choose one of .*single_image_distance"),
        ({"temperature": -1}, "greater than or equal to 0"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        Settings(**{"candidates": 2, "reward": "single_image_distance"} | settings)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_what_is_kept_of_several_sets_is_the_set_of_one_model_for_every_regime(share):
    slots = CANDIDATES.head(SLOTS)
    real = slots[["file_name", "group"]].assign(text="a cat")
    kept = chosen(curated(np.zeros(len(CANDIDATES))))
    assert kept["images"].nunique() == K
    for regime in (replace, accumulate):
        settings = regime.Settings()
        sets = [
            regime.training_set(real, table, settings, share=share, rounding="total", draw=0) for table in (kept, slots)
        ]
        best, plain = (table[["slot", "origin"]].reset_index(drop=True) for table in sets)
        assert best.equals(plain)
