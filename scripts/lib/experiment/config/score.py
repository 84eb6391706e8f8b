"""How images are measured."""

from pydantic import Field, PositiveInt

from scripts.lib.experiment.config.features import Features
from scripts.lib.experiment.config.section import Section, Weights


class Score(Section):
    """How images are measured (paper, section 2.2)."""

    clip: Weights = Field(description="Folder of the CLIPModel of the CLIP score.")
    features: Features = Field(description="Feature space of the distances and of the diversity.")
    nearest_k: PositiveInt = Field(5, description="Neighbours of precision, recall, density and coverage.")
