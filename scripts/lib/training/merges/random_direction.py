"""Random direction: the control of `extrapolate`, as far from θ_of, in a direction that is drawn."""

from typing import TYPE_CHECKING

from pydantic import Field, PositiveFloat

from scripts.lib.experiment.config.operand import Operand
from scripts.lib.experiment.config.section import Section
from scripts.lib.training.merges.extrapolate import weight_of

if TYPE_CHECKING:
    import torch


class Settings(Section):
    """Random direction: the control of `extrapolate`, as far from θ_of, in a direction that is drawn."""

    weight: PositiveFloat = Field(1.0, description="w of the `extrapolate` that it controls.")
    blocks: dict[str, PositiveFloat] = Field({}, description="Those of the `extrapolate` that it controls.")
    of: Operand = Field(default_factory=Operand, description="The model from which it goes.")
    other: Operand | None = Field(
        None, description="The model whose distance it goes; none: the one that the arm continues from."
    )


def merged(
    name: str, of: "torch.Tensor", other: "torch.Tensor", settings: Settings, generator: "torch.Generator"
) -> "torch.Tensor":
    """Return one weight of the merged network; arguments as those of ``extrapolate.merged``.

    Its step has the norm of that of ``extrapolate``, weight by weight, and thus over the network.
    """
    import torch

    step = weight_of(name, settings.weight, settings.blocks) * (of - other)
    direction = torch.randn(of.shape, generator=generator, dtype=of.dtype)
    return of + direction * (step.norm() / direction.norm())
