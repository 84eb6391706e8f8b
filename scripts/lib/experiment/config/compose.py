"""How a training set is mixed."""

from typing import Literal

from pydantic import Field

from scripts.lib.experiment.choices import Rounding
from scripts.lib.experiment.config.section import Section


class Compose(Section):
    """How a share of generated images becomes a training set (paper, section 2.3)."""

    rounding: Rounding = Field(
        "total",
        description="25 % of 30 is 7.5: `total` makes the whole set exact and lets groups differ by one; the others "
        "round in each group.",
    )
    slots: Literal["redraw", "keep"] = Field(
        "redraw", description="Which slots hold generated images: drawn again in each iteration, or the same ones."
    )
