"""Interval: `guidance_scale` in a part of the denoising steps, and none outside it (Kynkäänniemi et al. 2024)."""

from typing import Self

from pydantic import Field, model_validator

from scripts.lib.experiment.config.section import Section, Share


class Settings(Section):
    """Interval: `guidance_scale` in a part of the denoising steps, and none outside it (Kynkäänniemi et al. 2024)."""

    start: Share = Field(0.2, description="Where the part begins: 0 is the first denoising step, 1 the last.")
    end: Share = Field(0.8, description="Where it ends, itself within the part.")

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> Self:
        if self.start > self.end:
            raise ValueError(f"`start`: is {self.start}, after `end`, {self.end}; exchange them")
        return self


def scale(progress: float, first: float, settings: Settings) -> float:
    """Return the guidance scale of a denoising step; arguments as those of ``constant.scale``."""
    return first if settings.start <= progress <= settings.end else 1.0
