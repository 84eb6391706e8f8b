"""One lineage of models."""

from typing import Literal

from pydantic import Field, PositiveInt

from scripts.lib.experiment.config.finetune import Finetune
from scripts.lib.experiment.config.generate import Generate
from scripts.lib.experiment.config.match_histograms import MatchHistograms
from scripts.lib.experiment.config.section import Section, Share


class Arm(Section):
    """One lineage of models: a chain of iterations of fine-tuning and generating."""

    iterations: PositiveInt = Field(5, description="Iterations of this arm, counted on from its parent.")
    synthetic: Share = Field(1.0, description="Share of generated images in the training set, 0 to 1.")
    control: Literal["none", "match_histograms", "cull"] = Field(
        "none", description="What is done to the generated images before they are mixed in."
    )
    init: Literal["previous", "base"] = Field(
        "previous", description="Each fine-tune starts from the model of the iteration before, or from the base model."
    )
    parent: str | None = Field(None, description="Arm that this one goes on from; none: the base model.")
    from_iteration: PositiveInt | None = Field(None, description="Iteration of the parent that this arm goes on from.")
    finetune: Finetune = Field(default_factory=Finetune, description="Overrides of `finetune`.")
    generate: Generate = Field(default_factory=Generate, description="Overrides of `generate`.")
    match_histograms: MatchHistograms = Field(
        default_factory=MatchHistograms, description="Overrides of `match_histograms`."
    )

    @property
    def first_iteration(self) -> int:
        return (self.from_iteration or 0) + 1

    @property
    def last_iteration(self) -> int:
        return (self.from_iteration or 0) + self.iterations
