"""How images are measured."""

from typing import Self

from pydantic import Field, model_validator

from scripts.lib.experiment.config.features import Features, networks_of
from scripts.lib.experiment.config.metrics import Metrics
from scripts.lib.experiment.config.section import Name, Section, Weights


class Score(Section):
    """How images are measured (paper, section 2.2)."""

    clip: Weights = Field(description="Folder of the CLIPModel of the CLIP score.")
    features: Features = Field(description="Feature space of the distances and of the diversity.")
    control: Name | None = Field(
        None,
        description="The arm that every other one is compared with (`contrasts.csv`, `summary.txt`); none: `real`, if "
        "such an arm exists. Without a control nothing is compared.",
    )
    metrics: Metrics = Field(default_factory=Metrics, description="Settings of the metrics; all of them are computed.")

    @model_validator(mode="after")
    def _compares_vectors(self) -> Self:
        if self.features.per_image != "vector":
            raise ValueError(
                f"`features.network` is {self.features.network!r}, which gives maps of many positions, but the scores "
                f"compare one vector per image; choose one of {networks_of('vector')}"
            )
        return self
