"""Interpolate: between two models, (1 - w) θ_of + w θ_other."""

from typing import TYPE_CHECKING

from pydantic import Field

from scripts.lib.experiment.config.operand import Operand
from scripts.lib.experiment.config.section import Section, Share

if TYPE_CHECKING:
    import torch


class Settings(Section):
    """Interpolate: between two models, (1 - w) θ_of + w θ_other."""

    weight: Share = Field(0.5, description="w: 0 is the one model, 1 the other.")
    of: Operand = Field(default_factory=Operand, description="The one model.")
    other: Operand | None = Field(None, description="The other model; none: the one that the arm continues from.")


def merged(
    name: str,  # noqa: ARG001
    of: "torch.Tensor",
    other: "torch.Tensor",
    settings: Settings,
    generator: "torch.Generator",  # noqa: ARG001
) -> "torch.Tensor":
    """Return one weight of the merged network; arguments as those of ``extrapolate.merged``."""
    return of + settings.weight * (other - of)
