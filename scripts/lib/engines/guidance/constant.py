"""Constant: the same guidance in every denoising step, as in the paper."""

from scripts.lib.experiment.config.section import Section


class Settings(Section):
    """Constant: the same guidance in every denoising step, as in the paper."""


def scale(progress: float, first: float, settings: Settings) -> float:  # noqa: ARG001
    """Return the guidance scale of a denoising step.

    Args:
        progress: where the step is among those that run, from 0, the first, to 1, the last.
        first: `generate.guidance_scale`, 1 or more.
        settings: of the schedule.
    """
    return first
