"""Augment: all real images, and the images of the model before (Alemohammad et al. 2023, "synthetic augmentation")."""

from collections.abc import Sequence

import pandas as pd

from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.section import Section
from scripts.lib.regimes import composition


class Settings(Section):
    """Augment: all real images, and beside them a share of those of the model before."""


def pool(history: Sequence[Cell]) -> Sequence[Cell]:
    """Return the last cell alone."""
    return history[-1:]


def size(slots: int, sets: int, share: float) -> int:
    """Return how many images train where no candidate was dropped."""
    return slots + composition.nearest(share * slots)


def training_set(
    real: pd.DataFrame, generated: pd.DataFrame, _: Settings, *, share: float, rounding: str, draw: int
) -> pd.DataFrame:
    """Return all real images, and generated ones of a share of the slots. Arguments: see ``composition.add``."""
    return composition.add(real, generated, share=share, rounding=rounding, draw=draw)
