"""A model that is merged."""

from pydantic import Field, PositiveInt

from scripts.lib.experiment.config.section import Section


class Operand(Section):
    """A model of the experiment."""

    arm: str | None = Field(None, description="Its arm, or the name of a base model; none: the base model of the arm.")
    iteration: PositiveInt | None = Field(None, description="Its iteration; none: the arm's last. Not of a base model.")
