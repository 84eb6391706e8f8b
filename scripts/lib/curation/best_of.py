"""Best of K: of several candidates per slot one is kept, by a reward."""

from typing import Annotated, Any, Literal, cast

import numpy as np
import pandas as pd
from pydantic import Field

from scripts.lib.base.seeds import seed_of
from scripts.lib.curation.candidates import Curated, Inputs, Kept, Needs, decided
from scripts.lib.experiment.config.choice import known
from scripts.lib.experiment.config.section import Section

SHAPE = "triangle-up"


class Settings(Section):
    """Best of K: each model makes K images per slot, and one is kept by a reward (Ferbach et al. 2024).

    The choice is that of Bradley and Terry (K = 2) and Luce: candidate k is kept with the probability
    exp(r_k / T) / sum_j exp(r_j / T). The control of equal size is the arm without this step.
    """

    candidates: int = Field(ge=2, description="K: images per slot that the model makes, of which one is chosen.")
    reward: Annotated[str, known("rewards", "reward")] = Field(description="The reward that decides.")
    temperature: float = Field(
        1.0, ge=0, description="T, in units of the reward; 0 keeps the best, a large one any of them."
    )
    prefer: Literal["large", "small"] = Field(
        "large", description="Which rewards are better; a distance is better where it is small."
    )


def needs(settings: Settings) -> Needs:
    """Return what the step reads and makes."""
    return Needs(reward=settings.reward, candidates=settings.candidates)


def keeps(_: Settings) -> Kept:
    """Return the shares of generated and of real images that are kept: each slot has one image, as without the step."""
    return Kept(1.0)


def probabilities(rewards: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probability that each candidate of one slot is kept (Luce 1959), of rewards (k,).

    Larger rewards are better. At temperature 0 the best is kept, and among several equal ones each as often.
    """
    if temperature == 0:
        best = rewards == rewards.max()
        return best / best.sum()
    weights = np.exp((rewards - rewards.max()) / temperature)
    return weights / weights.sum()


def curate(candidates: pd.DataFrame, settings: Settings, inputs: Inputs) -> Curated:
    """Keep one candidate of each slot and model.

    Returns:
        The table with the columns ``probability``, that the candidate is kept, and ``entropy``, of the choice, in
        nats: 0 where it is certain, log K where the reward says nothing.
    """
    assert inputs.scores is not None
    rewards = inputs.scores.to_numpy() * (1 if settings.prefer == "large" else -1)
    accepted = np.zeros(len(candidates), bool)
    probability, entropy = np.zeros((2, len(candidates)))
    slots = candidates.reset_index(drop=True).groupby(["slot", "origin", "iteration"], sort=False)
    for name, rows in cast(dict[Any, np.ndarray], slots.indices).items():
        chances = probabilities(rewards[rows], settings.temperature)
        possible = np.flatnonzero(chances)
        drawn = seed_of(inputs.seed, "best_of", *map(str, name)) / 2**63
        accepted[rows[possible[np.searchsorted(chances[possible].cumsum()[:-1], drawn, side="right")]]] = True
        probability[rows] = chances
        entropy[rows] = -(chances[possible] * np.log(chances[possible])).sum()
    table = decided(candidates, accepted, score=inputs.scores)
    return Curated(table.assign(probability=probability, entropy=entropy))
