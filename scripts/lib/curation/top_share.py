"""Keep the images of the largest rewards of each group: what several filters do, each with a reward of its own."""

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from scripts.lib.base.seeds import seed_of
from scripts.lib.curation.candidates import Curated, Inputs, decided
from scripts.lib.experiment.config.section import Section, Share


class TopShare(Section):
    """How many images of each group are kept, and what becomes of the others' slots."""

    keep: Share = Field(0.5, description="Share of each group's images that is kept, to the nearest image.")
    on_reject: Literal["replace", "drop"] = Field(
        "replace", description="What becomes of a rejected image's slot: a kept image of its group, or nothing."
    )


def curate(candidates: pd.DataFrame, settings: TopShare, inputs: Inputs) -> Curated:
    """Keep the images of the largest rewards; the threshold of a group is the smallest reward that is kept."""
    assert inputs.scores is not None
    table = decided(candidates, False, score=inputs.scores, threshold=np.nan)
    for group, rows in table.groupby("group", sort=False):
        number = int(np.floor(settings.keep * len(rows) + 0.5))
        kept = rows["score"].sort_values(ascending=False, kind="stable").index[:number]
        table.loc[kept, "accepted"] = True
        if number:
            table.loc[rows.index, "threshold"] = rows.loc[kept, "score"].min()
        if settings.on_reject == "replace" and number:
            rejected = rows.index.difference(kept)
            rng = np.random.default_rng(seed_of(inputs.seed, "replace", str(group)))
            table.loc[rejected, "instead"] = rng.choice(kept.sort_values().to_numpy(), len(rejected)).astype(str)
    return Curated(table)
