"""How a share of generated images becomes a training set."""

from itertools import pairwise

import pandas as pd
import pytest

from scripts.lib.regimes.composition import COLUMNS, composition_of, counts, mix, of_real

GROUPS = [f"group-{number:02d}" for number in range(30)]
SIZES = pd.Series(30, index=GROUPS)
REAL = pd.DataFrame(
    [{"file_name": f"{group}-{i:04d}.png", "group": group, "text": f"a {group}"} for group in GROUPS for i in range(30)]
)
GENERATED = pd.DataFrame(
    {
        "slot": REAL["file_name"],
        "images": "base/seed-0/iteration-0/generated.zip",
        "file_name": REAL["file_name"],
        "origin": "base",
        "iteration": 0,
    }
)
SHARES = [0, 0.033, 0.10, 0.25, 0.50, 1]


def composed(share, rounding="total", draw=0, generated=GENERATED, real=REAL):
    return mix(real, generated, share=share, rounding=rounding, draw=draw)


@pytest.mark.parametrize(
    ("share", "rounding", "total", "each"),
    [
        (0, "total", 0, {0}),
        (0.033, "total", 30, {1}),
        (0.10, "total", 90, {3}),
        (0.25, "total", 225, {7, 8}),
        (0.50, "total", 450, {15}),
        (1, "total", 900, {30}),
        (0, "floor", 0, {0}),
        (0.033, "floor", 0, {0}),
        (0.10, "floor", 90, {3}),
        (0.25, "floor", 210, {7}),
        (0.50, "floor", 450, {15}),
        (1, "floor", 900, {30}),
        (0, "ceil", 0, {0}),
        (0.033, "ceil", 30, {1}),
        (0.10, "ceil", 90, {3}),
        (0.25, "ceil", 240, {8}),
        (0.50, "ceil", 450, {15}),
        (1, "ceil", 900, {30}),
        (0, "nearest", 0, {0}),
        (0.033, "nearest", 30, {1}),
        (0.10, "nearest", 90, {3}),
        (0.25, "nearest", 240, {8}),
        (0.50, "nearest", 450, {15}),
        (1, "nearest", 900, {30}),
    ],
)
def test_counts_of_the_papers_shares(share, rounding, total, each):
    table = composed(share, rounding)
    generated = table[table["origin"] != "real"].groupby("group").size().reindex(GROUPS, fill_value=0)
    assert generated.sum() == total
    assert set(generated) == each
    assert (generated == counts(SIZES, share, rounding, draw=0)).all()


def test_the_groups_that_get_one_more_are_drawn_with_the_slots():
    first, second = (counts(SIZES, 0.25, "total", draw=draw) for draw in (0, 1))
    assert first.equals(counts(SIZES, 0.25, "total", draw=0))
    assert first.sum() == second.sum() == 225
    assert not first.equals(second)


def test_no_group_gets_one_more_in_every_iteration():
    draws = [counts(SIZES, 0.25, "total", draw=draw) == 8 for draw in range(200)]
    often = pd.concat(draws, axis=1).mean(axis=1)
    # Half of the groups get one more; 0.5 ± 4 standard deviations of a mean of 200.
    assert often.between(0.35, 0.65).all()


def test_groups_of_unequal_size_get_one_more_by_the_largest_remainder():
    sizes = pd.Series({"a": 10, "b": 13, "c": 7})  # quarters: 2.5, 3.25, 1.75, and 7.5 in all
    assert counts(sizes, 0.25, "total", draw=0).to_dict() == {"a": 3, "b": 3, "c": 2}


@pytest.mark.parametrize("share", SHARES)
def test_every_slot_is_used_once_with_its_own_text_in_the_order_of_the_slots(share):
    table = composed(share)
    assert table["slot"].tolist() == REAL["file_name"].tolist()
    assert table[["group", "text"]].reset_index(drop=True).equals(REAL[["group", "text"]])
    assert (table["file_name"] == table["slot"]).all()


@pytest.mark.parametrize("rounding", ["total", "floor", "ceil", "nearest"])
def test_generated_slots_of_a_share_are_among_those_of_a_larger_one(rounding):
    slots = [set(composed(share, rounding).query("origin != 'real'")["slot"]) for share in SHARES]
    assert all(small <= large for small, large in pairwise(slots))
    assert slots[3] < slots[4]


def test_slots_depend_on_the_draw():
    half = [composed(0.5, draw=draw).query("origin != 'real'")["slot"].tolist() for draw in (1, 1, 2)]
    assert half[0] == half[1]
    assert half[0] != half[2]


def test_groups_draw_their_slots_apart():
    synthetic = (composed(0.5)["origin"] != "real").to_numpy().reshape(30, 30)
    assert len({tuple(row) for row in synthetic}) == 30


def test_slots_of_a_group_do_not_depend_on_the_other_groups():
    alone = REAL[REAL["group"] == "group-07"].reset_index(drop=True)
    of_all = composed(0.5).query("group == 'group-07'")["origin"].tolist()
    assert composed(0.5, real=alone)["origin"].tolist() == of_all


def test_culled_slots_drop_out_only_where_they_would_have_been_generated():
    culled = set(REAL["file_name"][::3])
    table = composed(0.5, generated=GENERATED[~GENERATED["slot"].isin(culled)])
    whole = composed(0.5)
    expected = whole[(whole["origin"] == "real") | ~whole["slot"].isin(culled)]
    assert table[["origin", "slot"]].to_numpy().tolist() == expected[["origin", "slot"]].to_numpy().tolist()
    assert 0 < len(table) < 900


def test_a_replaced_slot_trains_on_the_replacement_under_its_own_text():
    replaced = GENERATED.assign(file_name=GENERATED["file_name"].str.replace(r"\d{4}", "0000", regex=True))
    table = composed(1.0, generated=replaced)
    assert table["slot"].tolist() == REAL["file_name"].tolist()
    assert set(table["file_name"]) == {f"{group}-0000.png" for group in GROUPS}


def test_each_row_says_where_its_image_lies_and_who_made_it():
    table = composed(0.5, generated=GENERATED.assign(images="c/step.zip", origin="a", iteration=3))
    assert table.columns.tolist() == COLUMNS
    real, generated = table[table["origin"] == "real"], table[table["origin"] == "a"]
    assert len(real) == len(generated) == 450
    assert set(zip(real["images"], real["iteration"], strict=True)) == {("dataset/images.zip", 0)}
    assert set(zip(generated["images"], generated["iteration"], strict=True)) == {("c/step.zip", 3)}


def test_a_share_of_nothing_is_the_real_images():
    assert composed(0).equals(of_real(REAL))
    assert composed(0, generated=GENERATED[:0]).equals(of_real(REAL))


def test_a_group_that_was_dropped_whole_still_has_its_row_in_the_composition():
    table = composed(1, generated=GENERATED[REAL["group"] != GROUPS[3]])
    counted = composition_of(REAL, table)
    assert counted["group"].tolist() == GROUPS
    assert counted.iloc[3].to_dict() == {"group": GROUPS[3], "real": 0, "generated": 0}
    assert counted["generated"].sum() == 870
