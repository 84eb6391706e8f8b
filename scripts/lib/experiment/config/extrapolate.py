"""How an arm's images are made of two models' predictions."""

from pydantic import Field, PositiveFloat

from scripts.lib.experiment.config.operand import Operand
from scripts.lib.experiment.config.section import Section


class Extrapolate(Section):
    """Make images with (1 + w) s_of - w s_own in place of the model's prediction (SIMS, Alemohammad et al. 2024)."""

    weight: PositiveFloat = Field(1.0, description="w, called ω in the paper.")
    of: Operand = Field(
        default_factory=Operand,
        description="The model whose prediction is extrapolated, away from that of the cell's own model. One of an "
        "arm is of an iteration before the first one of this arm.",
    )
