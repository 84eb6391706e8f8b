"""What the page holds."""

from typing import Annotated

from pydantic import Field, PositiveInt

from scripts.lib.experiment.config.section import Section


class Explorer(Section):
    """What the page `explorer.html` holds."""

    images: PositiveInt = Field(
        30, description="Images of each group and cell, the first ones; fewer make a smaller page."
    )
    thumbnail: Annotated[int, Field(ge=8)] = Field(
        64, description="Largest edge of an image in the page, in pixels; smaller images are kept as they are."
    )
    full_size: Annotated[int, Field(ge=0)] = Field(
        3,
        description="Where the images are larger than a thumbnail: how many of each group and cell lie as files of "
        "full size in `explorer/` beside the page.",
    )
