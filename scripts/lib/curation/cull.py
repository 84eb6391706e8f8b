"""The quality control: reject images that are far from their real counterpart (paper, section 2.5)."""

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from scripts.lib.base.seeds import seed_of
from scripts.lib.curation.candidates import Curated, Inputs, Needs, decided
from scripts.lib.experiment.config.section import Section

SHAPE = "square"  # The paper's sign for this control.


class Settings(Section):
    """The quality control: reject images that are far from their real counterpart (paper, section 2.5)."""

    on_reject: Literal["replace", "drop"] = Field(
        "replace",
        description="Methods say removed, Results say replaced: `replace` takes an accepted image of the same group, "
        "`drop` leaves the slot out.",
    )
    shortfall: Literal["error", "keep_best", "drop"] = Field(
        "keep_best",
        description="A group in which no image passes: stop, accept the nearest one, or leave its generated ones out.",
    )


def needs(_: Settings) -> Needs:
    """Return what a step reads and makes."""
    return Needs(reward="single_image_distance", first_batch=True)


def curate(candidates: pd.DataFrame, settings: Settings, inputs: Inputs) -> Curated:
    """Reject images farther from their real counterpart than the mean distance of the first batch.

    Args:
        candidates: the table, one row per candidate.
        settings: what becomes of a rejected image's slot, and of a group in which no image passes.
        inputs: the distances of the candidates and of the base model's images, and the seed of the replacements.

    Raises:
        ValueError: a group has no accepted image, under ``shortfall: error``.
    """
    assert inputs.scores is not None
    assert inputs.first_batch is not None
    threshold = inputs.first_batch.mean()
    table = decided(candidates, inputs.scores <= threshold, score=inputs.scores, threshold=threshold)
    for group, rows in table.groupby("group", sort=False):
        pool = rows.index[rows["accepted"]]
        if pool.empty:
            if settings.shortfall == "error":
                raise ValueError(
                    f"group {group}: no generated image is within {threshold:.4g}; see curation.cull.shortfall"
                )
            pool = rows.nsmallest(1, "score").index if settings.shortfall == "keep_best" else pool
            table.loc[pool, "accepted"] = True
        rejected = rows.index[~table.loc[rows.index, "accepted"]]
        if settings.on_reject == "replace" and len(pool):
            rng = np.random.default_rng(seed_of(inputs.seed, "replace", str(group)))
            table.loc[rejected, "instead"] = rng.choice(pool.to_numpy(), len(rejected)).astype(str)
    return Curated(table)
