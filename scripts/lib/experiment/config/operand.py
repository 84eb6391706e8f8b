"""A model that is merged."""

from pydantic import Field, PositiveInt

from scripts.lib.experiment.cell import BASE
from scripts.lib.experiment.config.section import Section


class Operand(Section):
    """A model of the experiment."""

    arm: str = Field(BASE, description="Its arm; `base` is the base model.")
    iteration: PositiveInt | None = Field(None, description="Its iteration; none: the arm's last. Not of `base`.")
