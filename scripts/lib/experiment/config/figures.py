"""What the figures show."""

from pydantic import Field, PositiveInt

from scripts.lib.experiment.config.section import Section


class Figures(Section):
    """What the figures show."""

    group: dict[str, str] = Field(description="The group of the image grid: one value of each attribute.")
    images: PositiveInt = Field(3, description="Images of that group in each cell of the grid.")
