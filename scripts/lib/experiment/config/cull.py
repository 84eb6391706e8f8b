"""The quality control."""

from pydantic import Field

from scripts.lib.experiment.choices import OnReject, Shortfall
from scripts.lib.experiment.config.features import Features
from scripts.lib.experiment.config.section import Section


class Cull(Section):
    """The quality control: reject images far from their real counterpart (paper, section 2.5)."""

    features: Features = Field(description="Spatial features of the single-image Fréchet distance.")
    on_reject: OnReject = Field(
        "replace",
        description="Methods say removed, Results say replaced: `replace` takes an accepted image of the same group, "
        "`drop` leaves the slot out.",
    )
    shortfall: Shortfall = Field(
        "keep_best",
        description="A group in which no image passes: stop, accept the nearest one, or leave its generated ones out.",
    )
