"""The bootstrap over the images of a cell."""

from pydantic import Field

from scripts.lib.experiment.config.section import Section


class Bootstrap(Section):
    """Intervals of the scores of a cell over its images (`low_images` and `high_images` in `scores.csv`)."""

    resamples: int = Field(200, ge=40, description="How often a cell's images are drawn again, with replacement.")
    seed: int = Field(0, ge=0, description="Seed of these draws, the same ones in every cell.")
