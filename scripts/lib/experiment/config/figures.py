"""What the figures show."""

from pydantic import Field, PositiveInt

from scripts.lib.experiment.config.section import Section


class Figures(Section):
    """What the figures show."""

    group: dict[str, str] = Field(
        description="The group of the figure `baseline`, and that the explorer opens with: one value of each attribute."
    )
    images: PositiveInt = Field(
        3, description="Images in each cell of the grid: the first slots of groups that are evenly spaced."
    )
