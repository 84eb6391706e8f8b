"""Accumulate and subsample: as many images as there are real ones, drawn from all so far (Kazdan et al. 2024)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from scripts.lib.base.seeds import seed_of
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.section import Section
from scripts.lib.regimes import composition


class Settings(Section):
    """Accumulate and subsample: the pool grows as under `accumulate`; as many as there are real images are drawn."""


def pool(history: Sequence[Cell]) -> Sequence[Cell]:
    """Return all cells."""
    return history


def size(slots: int, sets: int, share: float) -> int:
    """Return how many images train."""
    return slots


def training_set(
    real: pd.DataFrame, generated: pd.DataFrame, _: Settings, *, share: float, rounding: str, draw: int
) -> pd.DataFrame:
    """Draw from the set that ``accumulate`` trains on, without replacement, as many of each group as are real.

    Arguments: see ``composition.add``.
    """
    grown = composition.add(real, generated, share=share, rounding=rounding, draw=draw)
    chosen = []
    for group, size in real.groupby("group", sort=False).size().items():
        rows = grown.index[grown["group"] == group]
        order = np.random.default_rng(seed_of(draw, "subsample", str(group))).permutation(len(rows))
        chosen.append(rows[np.sort(order[:size])])
    return grown.loc[np.concatenate(chosen)].reset_index(drop=True)
