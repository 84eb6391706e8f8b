"""How images are measured."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from scripts.lib.experiment.config.bootstrap import Bootstrap
from scripts.lib.experiment.config.features import Features
from scripts.lib.experiment.config.metrics import Metrics
from scripts.lib.experiment.config.section import Name, Section, Weights

CLIP_SCORE = "clip_score"  # The name of the embeddings that the CLIP score compares.


def _without_removed(spaces: Any) -> Any:
    """Drop the spaces that an overlay has set to null, as it removes an arm."""
    if not isinstance(spaces, dict):
        return spaces
    return {name: features for name, features in spaces.items() if features is not None}


def _refuse_the_name_of_the_clip_score(spaces: dict[str, Features]) -> dict[str, Features]:
    if CLIP_SCORE in spaces:
        raise ValueError(f"`{CLIP_SCORE}` is the name of the CLIP score's own embeddings; give the space another name")
    return spaces


def _refuse_maps(spaces: dict[str, Features]) -> dict[str, Features]:
    for name, features in spaces.items():
        features.expect("vector", name, "the scores compare one vector per image")
    return spaces


Spaces = Annotated[
    dict[Name, Features],
    Field(min_length=1),
    BeforeValidator(_without_removed),
    AfterValidator(_refuse_the_name_of_the_clip_score),
    AfterValidator(_refuse_maps),
]


class Score(Section):
    """How images are measured (paper, section 2.2)."""

    clip: Weights = Field(description="Folder of the CLIPModel of the CLIP score.")
    features: Spaces = Field(
        description="Feature spaces of the distances and of the diversity, by a name of your own, such as "
        "`{fid: {network: inception, weights: ...}}`. Every metric of features is computed in each. The first one "
        "decides what `summary.txt` calls a collapse. An overlay removes a space by setting it to null."
    )
    control: Name | None = Field(
        None,
        description="The arm that every other one is compared with (`contrasts.csv`, `summary.txt`); none: `real`, if "
        "such an arm exists. Without a control nothing is compared. Arms of another base model are compared with that "
        "model's first arm of the same composition, where it has one.",
    )
    bootstrap: Bootstrap = Field(
        default_factory=Bootstrap,
        description="Intervals over the images of a cell: what other images of the same model would score.",
    )
    metrics: Metrics = Field(default_factory=Metrics, description="Settings of the metrics; all of them are computed.")

    def embedding(self, space: str) -> str:
        """Return the name of the embeddings that hold a space: the CLIP score's where both are of one network."""
        features = self.features[space]
        shared = features.network == "clip" and Path(features.weights) == Path(self.clip)
        return CLIP_SCORE if shared else space

    @property
    def embeddings(self) -> dict[str, Features]:
        """What embeds the images, by the name of its embeddings: the CLIP score's network, and that of each space."""
        own = {space: features for space, features in self.features.items() if self.embedding(space) == space}
        return {CLIP_SCORE: Features(network="clip", weights=self.clip), **own}
