"""The quality control: which candidates it rejects, and what takes their slots."""

from pathlib import Path

import pandas as pd
import pytest

from scripts.lib.curation import cull
from scripts.lib.curation.candidates import COLUMNS, Inputs, chosen

FIRST_BATCH = pd.Series([0.5, 1.5])  # their mean, 1, is the threshold


@pytest.fixture
def distances():
    """Three groups: most pass, none passes, all pass; a threshold of 1 and one image exactly at it."""
    names = [f"{group}-{i}.png" for group in "xyz" for i in range(4)]
    return pd.DataFrame(
        {
            "slot": names,
            "group": list("xxxxyyyyzzzz"),
            "images": "a/seed-0/iteration-1/generated.zip",
            "file_name": names,
            "origin": "a",
            "iteration": 1,
            "distance": [0.2, 1.0, 1.01, 5, 3, 2, 4, 5, 0.1, 0.2, 0.3, 0.4],
        }
    )


def decided(distances, seed=0, **settings):
    """Return the table that the step writes of these distances."""
    scores = distances["distance"]
    inputs = Inputs(Path(), seed, scores=scores, first_batch=FIRST_BATCH)
    curated = cull.curate(distances.drop(columns="distance"), cull.Settings(**settings), inputs)
    assert curated.table.columns.tolist() == COLUMNS
    assert curated.images is None
    return curated.table


def trained(distances, **options):
    """Return the file that each slot trains on; a slot without one is missing."""
    return chosen(decided(distances, **options)).set_index("slot")["file_name"].to_dict()


def test_it_accepts_up_to_the_mean_of_the_first_batch_and_keeps_the_order_of_the_slots(distances):
    table = decided(distances.iloc[::-1].reset_index(drop=True), shortfall="drop").iloc[::-1]
    assert table["slot"].tolist() == distances["slot"].tolist()
    assert table["accepted"].tolist() == [True, True, False, False] + [False] * 4 + [True] * 4
    assert (table["threshold"] == 1).all()
    assert table["score"].tolist() == distances["distance"].tolist()


def test_accepted_images_stay_in_their_own_slots(distances):
    table = decided(distances)
    assert (table.loc[table["accepted"], "instead"] == "").all()
    found = trained(distances)
    assert all(found[slot] == slot for slot in table.loc[table["accepted"], "slot"])


@pytest.mark.parametrize("seed", range(5))
def test_a_replacement_is_an_accepted_image_of_the_same_group(distances, seed):
    table = decided(distances, seed=seed)
    accepted = {group: set(rows.loc[rows["accepted"], "slot"]) for group, rows in table.groupby("group")}
    found = trained(distances, seed=seed)
    assert set(found) == set(table["slot"])
    assert all(found[row.slot] in accepted[row.group] for row in table.itertuples())


def test_replacements_depend_on_the_seed_and_on_nothing_else(distances):
    results = {tuple(trained(distances, seed=seed).items()) for seed in range(10)}
    assert len(results) > 1
    assert decided(distances, seed=3).equals(decided(distances, seed=3))
    alone = trained(distances[distances["group"] == "x"], seed=3)
    assert alone.items() <= trained(distances, seed=3).items()


def test_dropping_leaves_the_slots_of_rejected_images_empty(distances):
    table = decided(distances, on_reject="drop", shortfall="drop")
    assert (table["instead"] == "").all()
    assert list(trained(distances, on_reject="drop", shortfall="drop")) == table.loc[table["accepted"], "slot"].tolist()


def test_a_group_without_accepted_images_keeps_its_nearest_one(distances):
    table = decided(distances).query("group == 'y'")
    assert table["accepted"].tolist() == [False, True, False, False]
    replaced, dropped = trained(distances), trained(distances, on_reject="drop")
    assert [replaced[f"y-{i}.png"] for i in range(4)] == ["y-1.png"] * 4
    assert {slot: file for slot, file in dropped.items() if slot.startswith("y")} == {"y-1.png": "y-1.png"}


def test_a_group_without_accepted_images_can_be_left_out(distances):
    assert {slot[0] for slot in trained(distances, shortfall="drop")} == {"x", "z"}
    assert len(trained(distances, shortfall="drop")) == 8


def test_a_group_without_accepted_images_can_be_an_error(distances):
    message = r"group y: no generated image is within 1; see curation\.cull\.shortfall"
    with pytest.raises(ValueError, match=message):
        decided(distances, shortfall="error")
