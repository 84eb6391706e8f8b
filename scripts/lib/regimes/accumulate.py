"""Accumulate: all real images, and those of every model so far; the set grows (Gerstgrasser et al. 2024)."""

from collections.abc import Sequence

import pandas as pd

from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.section import Section
from scripts.lib.regimes import composition


class Settings(Section):
    """Accumulate: all real images, and beside them a share of those of every model so far. The set grows."""


def pool(history: Sequence[Cell]) -> Sequence[Cell]:
    """Return all cells."""
    return history


def size(slots: int, sets: int, share: float) -> int:
    """Return how many images train where no candidate was dropped."""
    return slots + sets * composition.nearest(share * slots)


def training_set(
    real: pd.DataFrame, generated: pd.DataFrame, _: Settings, *, share: float, rounding: str, draw: int
) -> pd.DataFrame:
    """Return all real images, and of each model's a share of the slots. Arguments: see ``composition.add``."""
    return composition.add(real, generated, share=share, rounding=rounding, draw=draw)
