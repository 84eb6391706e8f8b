"""The quality control."""

from typing import Self

from pydantic import Field, model_validator

from scripts.lib.experiment.choices import MAPS, OnReject, Shortfall
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

    @model_validator(mode="after")
    def _compares_maps(self) -> Self:
        if self.features.network not in MAPS:
            raise ValueError(
                f"`features.network` is {self.features.network!r}, which gives one vector per image, but the distance "
                f"of single images compares maps of many positions; choose one of {', '.join(MAPS)}"
            )
        return self
