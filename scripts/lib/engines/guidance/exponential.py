"""Exponential: from `guidance_scale` in the first denoising step by equal factors to `last` in the last one."""

from pydantic import Field

from scripts.lib.experiment.config.section import Section


class Settings(Section):
    """Exponential: from `guidance_scale` in the first denoising step by equal factors to `last` in the last one."""

    last: float = Field(1.0, ge=1, description="Guidance scale of the last denoising step; 1 is none.")


def scale(progress: float, first: float, settings: Settings) -> float:
    """Return the guidance scale of a denoising step; arguments as those of ``constant.scale``."""
    return first * (settings.last / first) ** progress
