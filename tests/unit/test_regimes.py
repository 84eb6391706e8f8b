"""Which images train under each regime, at every iteration, against the definitions."""

import pandas as pd
import pytest

from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.cell import Cell
from scripts.lib.experiment.config.load import load
from scripts.lib.experiment.lineage import history
from scripts.lib.planning.amounts import training_images
from scripts.lib.planning.image_sets import pool
from scripts.lib.regimes.composition import first_slots, nearest

GROUPS, PER_GROUP = ["man-old", "man-young", "woman-old"], 7
REAL = pd.DataFrame(
    [{"file_name": f"{g}-{i:04d}.png", "group": g, "text": f"a {g}"} for g in GROUPS for i in range(PER_GROUP)]
)
SLOTS = len(REAL)
REGIMES = ["replace", "augment", "accumulate", "accumulate_subsample"]


def generated(cells):
    parts = [
        pd.DataFrame({"slot": REAL["file_name"], "group": REAL["group"], "file_name": REAL["file_name"]}).assign(
            images=f"{cell}/generated.zip", origin=cell.arm, iteration=cell.iteration
        )
        for cell in cells
    ]
    return pd.concat(parts, ignore_index=True)


def trained(name, iteration, share=1.0, draw=3):
    """Return the training set of an iteration of an arm that starts from the base model, and the cells before it."""
    regime = kinds("regimes")[name]
    before = [Cell("base", 0, 0), *(Cell("arm", 0, n) for n in range(1, iteration))]
    candidates = generated(regime.pool(before))
    table = regime.training_set(REAL, candidates, regime.Settings(), share=share, rounding="total", draw=draw)
    assert len(table) == regime.size(SLOTS, len(before), share), "the plan counts what trains"
    assert not table.duplicated(["images", "file_name"]).any(), "no image trains twice"
    return table, before


def counted(table):
    return table.groupby(["origin", "iteration"]).size().to_dict()


@pytest.mark.parametrize("iteration", [1, 2, 3, 5])
def test_replace_trains_on_the_last_images_alone(iteration):
    table, before = trained("replace", iteration)
    assert counted(table) == {(before[-1].arm, iteration - 1): SLOTS}


@pytest.mark.parametrize("iteration", [1, 2, 3, 5])
def test_augment_trains_on_all_real_and_the_last_images(iteration):
    table, before = trained("augment", iteration)
    assert counted(table) == {("real", 0): SLOTS, (before[-1].arm, iteration - 1): SLOTS}


@pytest.mark.parametrize("iteration", [1, 2, 3, 5])
def test_accumulate_trains_on_all_real_and_all_images_so_far(iteration):
    table, before = trained("accumulate", iteration)
    assert counted(table) == {("real", 0): SLOTS} | {(cell.arm, cell.iteration): SLOTS for cell in before}
    assert (table["origin"] == "real").mean() == pytest.approx(1 / (iteration + 1))  # Gerstgrasser et al. 2024


@pytest.mark.parametrize("iteration", [1, 2, 3, 5])
def test_subsample_trains_on_as_many_as_are_real_of_every_group(iteration):
    table, _ = trained("accumulate_subsample", iteration)
    assert table.groupby("group").size().to_dict() == dict.fromkeys(GROUPS, PER_GROUP)
    whole, _ = trained("accumulate", iteration)
    kept = table.merge(whole, how="left", indicator=True)
    assert (kept["_merge"] == "both").all()
    other, _ = trained("accumulate_subsample", iteration, draw=4)
    assert not table.equals(other)


def test_subsample_draws_every_image_alike():
    draws = pd.concat(trained("accumulate_subsample", 3, draw=draw)[0] for draw in range(300))
    share = draws.groupby(["origin", "iteration"]).size() / len(draws)
    assert share.to_numpy() == pytest.approx([1 / 4] * 4, abs=0.02)


@pytest.mark.parametrize("share", [0.033, 0.25, 0.5])
@pytest.mark.parametrize("name", ["augment", "accumulate"])
def test_a_share_takes_that_share_of_every_set(name, share):
    table, before = trained(name, 4, share=share)
    sizes = counted(table)
    assert sizes.pop(("real", 0)) == SLOTS
    assert set(sizes.values()) == {nearest(share * SLOTS)}
    assert len(sizes) == (len(before) if name == "accumulate" else 1)


def test_the_slots_of_a_share_differ_from_set_to_set():
    table, _ = trained("accumulate", 4, share=0.25)
    slots = [frozenset(rows["slot"]) for _, rows in table[table["origin"] != "real"].groupby("iteration")]
    assert len(set(slots)) == len(slots)


@pytest.mark.parametrize("number", [1, 3, PER_GROUP, None])
def test_fewer_real_images_are_the_first_of_every_group(number):
    few = first_slots(REAL, number)
    assert few.groupby("group").size().to_dict() == dict.fromkeys(GROUPS, number or PER_GROUP)
    assert set(few["file_name"]) <= set(first_slots(REAL, (number or PER_GROUP) + 1)["file_name"])
    for name in REGIMES:
        candidates = generated([Cell("base", 0, 0)])
        regime = kinds("regimes")[name]
        table = regime.training_set(few, candidates, regime.Settings(), share=1.0, rounding="total", draw=3)
        assert len(table) == regime.size(len(few), 1, 1.0), "the plan counts what trains"
        assert set(table["slot"]) <= set(few["file_name"])


def test_the_plan_counts_the_real_images_of_an_arm(settings):
    settings["arms"] = {"few": {"synthetic": 0, "real_per_group": 2, "iterations": 2}, "all": {"synthetic": 0}}
    experiment = load(settings)
    assert training_images(experiment, Cell("few", 0, 1)) == 8
    assert training_images(experiment, Cell("all", 0, 1)) == 120


@pytest.mark.parametrize("name", REGIMES)
def test_an_arm_names_its_regime(settings, name):
    settings["arms"] = {
        "poison": {"iterations": 3, "synthetic": 0.5, "regime": name},
        "later": {"parent": "poison", "from_iteration": 2, "iterations": 2, "regime": name},
    }
    experiment = load(settings)
    cell = Cell("later", 0, 4)
    chain = ["base/seed-0/iteration-0", "poison/seed-0/iteration-1", "poison/seed-0/iteration-2"]
    assert [str(each) for each in history(experiment, cell)] == [*chain, "later/seed-0/iteration-3"]
    expected = [*chain, "later/seed-0/iteration-3"] if name.startswith("accumulate") else ["later/seed-0/iteration-3"]
    assert pool(experiment, cell) == [f"{path}/generated.zip" for path in expected]
    sizes = {"replace": 120, "augment": 240, "accumulate": 600, "accumulate_subsample": 120}
    assert training_images(experiment, cell) == sizes[name]
