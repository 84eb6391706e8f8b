"""Training sets from real and generated images (paper, section 2.3)."""

import math

import numpy as np
import pandas as pd

from scripts.lib.base.seeds import seed_of


def counts(sizes: pd.Series, share: float, rounding: str, draw: int) -> pd.Series:
    """Return how many generated images each group gets.

    Args:
        sizes: images a group, indexed by group.
        share: share of generated images, 0 to 1.
        rounding: ``total`` makes the whole set exact to the nearest image and gives the groups that
            get one more by the largest remainder, ties at random by ``draw``; ``floor``, ``ceil`` and
            ``nearest`` (half up) round in each group.
    """
    exact = sizes * share
    if rounding == "total":
        whole = np.floor(exact + 1e-9).astype(int)
        left = math.floor(exact.sum() + 0.5 + 1e-9) - whole.sum()
        ties = np.random.default_rng(seed_of(draw, "rounding")).random(len(sizes))
        first = np.lexsort((ties, -(exact - whole).round(9)))[:left]
        whole.iloc[first] += 1
        return whole
    rules = {
        "floor": lambda values: np.floor(values + 1e-9),
        "ceil": lambda values: np.ceil(values - 1e-9),
        "nearest": lambda values: np.floor(values + 0.5 + 1e-9),
    }
    return rules[rounding](exact).astype(int)


def compose(
    real: pd.DataFrame, generated: pd.DataFrame | None, *, share: float, rounding: str, draw: int
) -> pd.DataFrame:
    """Choose which slots train on their generated image and which on their real one.

    Slots are drawn from one permutation a group, so that at equal seeds the generated slots of a
    small share are among those of a larger one, in every arm.

    Args:
        real: table of the real set; its rows are the slots (``file_name``, ``group``, ``text``).
        generated: for each slot the generated image to use: ``slot``, ``file_name``. Slots that are
            missing here (culled and dropped) drop out where they should have been generated. None
            is allowed when the share is 0.
        share, rounding: see ``counts``.
        draw: seed of the rounding's ties and of the permutations. Equal draws choose equal slots; each iteration
            has another one, so that no group gets the larger number of generated images every time.

    Returns:
        ``set`` (``real`` or ``generated``), ``file_name``, ``slot``, ``group``, ``text``: one row a
        training image, in the order of the slots.

    Raises:
        ValueError: the share asks for generated images and there are none; no slot has an image.
    """
    wanted = counts(real.groupby("group", sort=False).size(), share, rounding, draw)
    if wanted.sum() and generated is None:
        raise ValueError(f"a share of {share} needs generated images, but none were given")
    slots = real[["file_name", "group", "text"]].rename(columns={"file_name": "slot"})
    rank = pd.Series(0, index=slots.index)
    for group, rows in slots.groupby("group", sort=False):
        rank[rows.index] = np.random.default_rng(seed_of(draw, "slots", str(group))).permutation(len(rows))
    synthetic = rank < slots["group"].map(wanted)
    parts = [slots[~synthetic].assign(set="real", file_name=lambda table: table["slot"])]
    if generated is not None:
        chosen = generated[["slot", "file_name"]].assign(set="generated")
        parts.append(slots[synthetic].reset_index().merge(chosen, on="slot").set_index("index"))
    if not sum(map(len, parts)):
        raise ValueError("no slot has an image to train on: every generated image was culled and dropped")
    return pd.concat(parts).sort_index()[["set", "file_name", "slot", "group", "text"]]


def composition_of(real: pd.DataFrame, training: pd.DataFrame) -> pd.DataFrame:
    """Count the images of a training set: ``group``, ``real`` and ``generated``, one row per group of the real set."""
    counts = pd.crosstab(training["group"], training["set"])
    groups = pd.Index(real["group"].unique(), name="group")
    return counts.reindex(index=groups, columns=["real", "generated"], fill_value=0).reset_index()
