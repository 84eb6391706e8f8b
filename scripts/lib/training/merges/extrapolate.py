"""Extrapolate: away from a degraded model, (1 + w) θ_of - w θ_other (Neon, Alemohammad et al. 2025)."""

from typing import TYPE_CHECKING

from pydantic import Field, PositiveFloat

from scripts.lib.experiment.config.operand import Operand
from scripts.lib.experiment.config.section import Section

if TYPE_CHECKING:
    import torch


class Settings(Section):
    """Extrapolate: away from a degraded model, (1 + w) θ_of - w θ_other (Neon, Alemohammad et al. 2025)."""

    weight: PositiveFloat = Field(1.0, description="w. Published best ones lie between 0.5 and 2.")
    blocks: dict[str, PositiveFloat] = Field(
        {}, description="w of parts of the network, by how the names of their weights begin, such as `down_blocks`."
    )
    of: Operand = Field(default_factory=Operand, description="The model that is extrapolated.")
    other: Operand | None = Field(None, description="The degraded model; none: the one that the arm continues from.")


def merged(
    name: str,
    of: "torch.Tensor",
    other: "torch.Tensor",
    settings: Settings,
    generator: "torch.Generator",  # noqa: ARG001
) -> "torch.Tensor":
    """Return one weight of the merged network.

    Args:
        name: of the weight in the network.
        of, other: it in the two models, of equal shape.
        settings: of the merge.
        generator: the source of all that is random.
    """
    return of + weight_of(name, settings.weight, settings.blocks) * (of - other)


def weight_of(name: str, weight: float, blocks: dict[str, float]) -> float:
    """Return the w of a weight: that of the longest beginning of its name among ``blocks``."""
    begin = max((part for part in blocks if name.startswith(part)), key=len, default=None)
    return weight if begin is None else blocks[begin]
