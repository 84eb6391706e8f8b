"""The control of every filter: keep a share of the images, whichever they are."""

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from scripts.lib.base.seeds import seed_of
from scripts.lib.curation.candidates import Curated, Inputs, Needs, decided
from scripts.lib.experiment.config.section import Section, Share

SHAPE = "cross"


class Settings(Section):
    """Keep a share of the images at random. A filter's result can be read beside this one, of equal size, alone."""

    keep: Share = Field(0.5, description="Share of each group's images that is kept, to the nearest image.")
    on_reject: Literal["replace", "drop"] = Field(
        "replace", description="What becomes of a rejected image's slot: a kept image of its group, or nothing."
    )


def needs(_: Settings) -> Needs:
    """Return what a step reads and makes."""
    return Needs()


def keeps(settings: Settings) -> float:
    """Return the share of the slots that keep their own image."""
    return settings.keep


def curate(candidates: pd.DataFrame, settings: Settings, inputs: Inputs) -> Curated:
    """Keep a share of each group; the seed decides which, thus the same slots in all arms."""
    table = decided(candidates, False)
    for group, rows in table.groupby("group", sort=False):
        rng = np.random.default_rng(seed_of(inputs.seed, "random", str(group)))
        order = rng.permutation(rows.index.to_numpy())
        number = int(np.floor(settings.keep * len(rows) + 0.5))
        kept, rejected = np.sort(order[:number]), np.sort(order[number:])
        table.loc[kept, "accepted"] = True
        if settings.on_reject == "replace" and number:
            table.loc[rejected, "instead"] = rng.choice(kept, len(rejected)).astype(str)
    return Curated(table)
