"""Replace: each fine-tune sees the images of the model before it, and none of earlier ones (paper, section 2.3)."""

from collections.abc import Sequence

import pandas as pd

from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.section import Section
from scripts.lib.regimes import composition


class Settings(Section):
    """Replace: each fine-tune sees the images of the model before it, and none of earlier ones (paper)."""


def pool(history: Sequence[Cell]) -> Sequence[Cell]:
    """Return the cells whose generated images a fine-tune may use.

    Args:
        history: the cells that the cell descends from, from the base model's to the one before it.
    """
    return history[-1:]


def size(slots: int, sets: int, share: float) -> int:
    """Return how many images train where no candidate was dropped, for the plan.

    Args:
        slots: images that a model generates per iteration, and real images.
        sets: how many image sets the cells before have made, the base model's among them.
        share: the arm's share of generated images.
    """
    return slots


def training_set(
    real: pd.DataFrame, generated: pd.DataFrame, _: Settings, *, share: float, rounding: str, draw: int
) -> pd.DataFrame:
    """Return the training set: each slot has its real or its generated image. Arguments: see ``composition.mix``."""
    return composition.mix(real, generated, share=share, rounding=rounding, draw=draw)
