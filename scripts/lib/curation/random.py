"""The control of every filter: keep a share of the images, whichever they are."""

from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from scripts.lib.base.seeds import seed_of
from scripts.lib.curation.candidates import Curated, Inputs, Kept, Needs, decided, is_real
from scripts.lib.experiment.config.section import Section, Share

SHAPE = "cross"


class Settings(Section):
    """Keep a share of the images at random. Compare a filter only with this one, at equal size."""

    keep: Share = Field(0.5, description="Share of each group's images that is kept, to the nearest image.")
    on_reject: Literal["replace", "drop"] = Field(
        "replace", description="What becomes of a rejected image's slot: a kept image of its group, or nothing."
    )
    real: bool = Field(
        False,
        description="Whether the real images are thinned to that share too: the control of `detector`.",
    )

    @model_validator(mode="after")
    def _real_images_are_dropped(self) -> Self:
        if self.real and self.on_reject != "drop":
            raise ValueError("`real` goes with `on_reject: drop`: nothing takes the place of a real image")
        return self


def needs(settings: Settings) -> Needs:
    """Return what a step reads and makes."""
    return Needs(judges_real=settings.real)


def keeps(settings: Settings) -> Kept:
    """Return the shares of generated and of real images that are kept."""
    return Kept(settings.keep, settings.keep if settings.real else 1.0)


def curate(candidates: pd.DataFrame, settings: Settings, inputs: Inputs) -> Curated:
    """Keep a share of each group; the seed decides which, thus the same slots in all arms."""
    table = decided(candidates, False)
    for (real, group), rows in table.groupby([is_real(table), "group"], sort=False):
        rng = np.random.default_rng(seed_of(inputs.seed, "random", *["real"] * bool(real), str(group)))
        order = rng.permutation(rows.index.to_numpy())
        number = int(np.floor(settings.keep * len(rows) + 0.5))
        kept, rejected = np.sort(order[:number]), np.sort(order[number:])
        table.loc[kept, "accepted"] = True
        if settings.on_reject == "replace" and number:
            table.loc[rejected, "instead"] = rng.choice(kept, len(rejected)).astype(str)
    return Curated(table)
