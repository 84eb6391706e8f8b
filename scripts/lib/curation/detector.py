"""A detector of generated images: real and generated ones alike leave the training set where it says generated."""

from typing import Annotated, Self

import numpy as np
import pandas as pd
from pydantic import Field, FiniteFloat, model_validator

from scripts.lib.base.seeds import seed_of
from scripts.lib.curation.candidates import Curated, Inputs, Kept, Needs, decided, is_real
from scripts.lib.experiment.config.choice import known
from scripts.lib.experiment.config.section import Section, Share

SHAPE = "stroke"


class Settings(Section):
    """A detector of generated images: an oracle by its error rates, or a reward and a threshold.

    Real and generated images leave the training set alike where it says generated, and nothing takes their place. Of
    a share s of generated images an oracle leaves the share s(1-TPR) / (s(1-TPR) + (1-s)(1-FPR)).
    """

    tpr: Share | None = Field(
        None, description="Oracle: the probability that a generated image is detected (true positive rate)."
    )
    fpr: Share | None = Field(
        None, description="Oracle: the probability that a real image is taken for a generated one."
    )
    reward: Annotated[str, known("rewards", "reward")] | None = Field(
        None, description="Instead of the rates: the reward by which it decides."
    )
    threshold: FiniteFloat | None = Field(
        None, description="With `reward`: an image of a larger score is taken for a generated one."
    )

    @model_validator(mode="after")
    def _rates_or_scores(self) -> Self:
        rates, scores = [self.tpr, self.fpr], [self.reward, self.threshold]
        if not ((None not in rates and scores == [None, None]) or (None not in scores and rates == [None, None])):
            raise ValueError("`tpr` and `fpr` go together (an oracle), or `reward` and `threshold` (scores); give two")
        return self


def needs(settings: Settings) -> Needs:
    """Return what the step reads and makes."""
    return Needs(reward=settings.reward, judges_real=True)


def keeps(settings: Settings) -> Kept | None:
    """Return the shares of generated and real images that are kept; None where scores decide."""
    if settings.tpr is None or settings.fpr is None:
        return None
    return Kept(1 - settings.tpr, 1 - settings.fpr)


def curate(candidates: pd.DataFrame, settings: Settings, inputs: Inputs) -> Curated:
    """Reject the candidates that are taken for generated ones.

    An oracle decides on each image by itself, again in each iteration, and equally at equal seeds: what one finds out,
    one of a higher rate finds out too.

    Args:
        candidates: the table, one row per candidate, generated and real.
        settings: the rates, or the threshold.
        inputs: the scores, or the seed.
    """
    if settings.threshold is not None:
        assert inputs.scores is not None
        passed = inputs.scores <= settings.threshold
        return Curated(decided(candidates, passed, score=inputs.scores, threshold=settings.threshold))
    assert settings.tpr is not None
    assert settings.fpr is not None
    sets = candidates["images"].str.rpartition("/")[2]
    names = zip(candidates["iteration"].tolist(), sets, candidates["file_name"], strict=True)
    drawn = np.array([seed_of(inputs.seed, "detector", *map(str, name)) for name in names])
    rate = np.where(is_real(candidates), settings.fpr, settings.tpr)
    return Curated(decided(candidates, drawn / 2**63 >= rate))
