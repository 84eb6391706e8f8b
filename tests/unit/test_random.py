"""The control of every filter keeps a share of each group, whichever images they are."""

from pathlib import Path

import pandas as pd
import pytest

from scripts.lib.curation import random
from scripts.lib.curation.candidates import Inputs, chosen

CANDIDATES = pd.DataFrame(
    [
        {"slot": f"{group}-{i:02d}.png", "group": group, "images": "base.zip", "file_name": f"{group}-{i:02d}.png"}
        for group, size in (("a", 10), ("b", 7), ("c", 1))
        for i in range(size)
    ]
).assign(origin="base", iteration=0)


def curated(seed=0, **settings):
    return random.curate(CANDIDATES, random.Settings(**settings), Inputs(Path(), seed)).table


@pytest.mark.parametrize(
    ("keep", "kept"), [(0.5, {"a": 5, "b": 4, "c": 1}), (0, {"a": 0, "b": 0, "c": 0}), (1, {"a": 10, "b": 7, "c": 1})]
)
def test_a_share_of_each_group_is_kept_to_the_nearest_image(keep, kept):
    assert curated(keep=keep).groupby("group")["accepted"].sum().to_dict() == kept


def test_a_rejected_slot_gets_a_kept_image_of_its_group_or_none():
    table = curated(keep=0.3)
    train = chosen(table)
    assert train["slot"].tolist() == CANDIDATES["slot"].tolist()[:17], "group c keeps none of its one image"
    assert set(train["file_name"]) == set(table.loc[table["accepted"], "file_name"])
    assert (train["file_name"].str[0] == train["group"]).all()
    assert len(chosen(curated(keep=0.3, on_reject="drop"))) == 3 + 2


def test_the_seed_decides_which():
    assert curated(seed=1).equals(curated(seed=1))
    assert not curated(seed=1).equals(curated(seed=2))


def test_every_image_is_kept_as_often_as_the_others():
    kept = sum(curated(seed=seed, keep=0.5)["accepted"].to_numpy()[:10].astype(int) for seed in range(400)) / 400
    assert kept == pytest.approx([0.5] * 10, abs=0.1)
