"""Which candidates are used: drawn, counted, refused."""

from typing import Any

import pandas as pd
import pytest

from scripts.lib.dataset import selection as selecting
from scripts.lib.dataset.catalogue import group_table

ATTRIBUTES = {"gender": ["man", "woman"], "age": ["young", "very old"]}
PROMPT = "a photo of a {age} {gender}"
SELECTION: dict[str, Any] = {
    "per_group": 3,
    "reference": "disjoint",
    "reference_per_group": 2,
    "short_group": "error",
    "seed": 0,
}
NOTHING = pd.DataFrame({"file_name": [], "excluded": [], "reason": []}, dtype=str)


def test_no_candidate_at_all_still_gives_both_tables():
    selection, groups, _ = select((0, 0, 0, 0))
    assert selection.columns.tolist() == ["file_name", "source", "gender", "age", "group", "text", "role"]
    assert (len(selection), groups["found"].sum(), groups["missing"].sum()) == (0, 0, 20)


def candidates(sizes):
    """A catalogue with so many images per group, in the order of the groups."""
    tables = [
        pd.DataFrame({"file_name": [f"{group}/{i:02d}.jpg" for i in range(size)], "group": group})
        for group, size in zip(group_table(ATTRIBUTES)["group"], sizes, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)


def select(sizes=(8, 8, 8, 8), **options):
    return selecting.select(candidates(sizes), ATTRIBUTES, PROMPT, **SELECTION | options)


def refuse(counts, excluded=NOTHING, *, short_group="error", broken="error"):
    selecting.refuse(counts, excluded, short_group=short_group, broken=broken)


def sources(selection, role):
    return selection.loc[selection["role"] == role, "source"].tolist()


def test_selection_takes_as_many_as_asked_of_every_group_and_a_disjoint_reference():
    selection, groups, _ = select()
    assert selection.groupby(["group", "role"]).size().unstack().to_numpy().tolist() == [[3, 2]] * 4
    chosen = sources(selection, "images") + sources(selection, "reference")
    assert len(set(chosen)) == len(chosen) == 20
    assert all(row.source.startswith(f"{row.group}/") for row in selection.itertuples())
    assert groups[["found", "images", "reference", "missing"]].to_numpy().tolist() == [[8, 3, 2, 0]] * 4


def test_selection_writes_each_images_prompt_and_a_name_of_its_own():
    selection, _, _ = select()
    texts = selection.drop_duplicates("group").set_index("group")["text"].to_dict()
    assert texts["woman-very_old"] == "a photo of a very old woman"
    assert not selection.duplicated(["role", "file_name"]).any()


def test_selection_is_random_by_seed_whatever_the_order_of_the_catalogue():
    shuffled = candidates((8, 8, 8, 8)).sample(frac=1, random_state=0)
    first, _, _ = select()
    again, _, _ = selecting.select(shuffled, ATTRIBUTES, PROMPT, **SELECTION)
    other, _, _ = select(seed=1)
    assert first.equals(again)
    assert sources(first, "images") != sources(other, "images")
    assert sources(first, "images") != sorted(sources(first, "images"))


def test_the_selection_of_a_group_does_not_depend_on_the_other_groups():
    full, _, _ = select()
    short, _, _ = select((8, 4, 8, 8), short_group="fewer")
    assert full.query("group == 'woman-young'").equals(
        short.query("group == 'woman-young'").set_index(full.index[10:15])
    )


RARE = {"kind": [f"g{i}" for i in range(30)]}


@pytest.mark.parametrize(("reference", "compared", "of_groups"), [("disjoint", 780, 26), ("matched", 820, 30)])
def test_rare_groups_are_in_a_matched_reference_and_not_in_a_disjoint_one(reference, compared, of_groups):
    rare = ["g26", "g27", "g28", "g29"]
    catalogue = pd.DataFrame(
        [(f"{group}/{i:02d}.jpg", group) for group in RARE["kind"] for i in range(10 if group in rare else 60)],
        columns=["file_name", "group"],
    )
    options = {
        "per_group": 30,
        "reference": reference,
        "reference_per_group": 30,
        "short_group": "duplicate",
        "seed": 0,
    }
    selection, groups, _ = selecting.select(catalogue, RARE, "a {kind}", **options)
    refuse(groups, short_group="duplicate")
    assert len(sources(selection, "images")) == 900
    table = selection[selection["role"] == "reference"]
    assert (len(table), table["group"].nunique()) == (groups["reference"].sum(), of_groups) == (compared, of_groups)
    assert not table["source"].duplicated().any()
    common = set(table["source"]) & set(sources(selection, "images"))
    assert len(common) == (compared if reference == "matched" else 0)
    assert groups["missing"].tolist() == [0] * 26 + [50 if reference == "disjoint" else 20] * 4


def test_a_whole_selection_is_not_refused():
    refuse(select()[1])


def test_a_short_group_is_an_error_that_names_it():
    _, groups, _ = select((8, 4, 8, 8))
    with pytest.raises(ValueError, match=r"group man-very_old: 4 images found, 1 more wanted.*or set dataset\.short_"):
        refuse(groups)
    refuse(groups, short_group="fewer")


def test_every_short_group_is_named_at_once():
    with pytest.raises(ValueError, match=r"group man-very_old: 4 .*\ngroup woman-young: 1 images found"):
        refuse(select((8, 4, 1, 8))[1])


def test_a_short_group_is_refused_with_the_files_that_are_not_used():
    rows = [
        ("a.png", "broken", "the file is empty"),
        ("b.png", "unlabeled", "no age"),
        ("c.png", "unlabeled", "no age"),
    ]
    excluded = pd.DataFrame(rows, columns=["file_name", "excluded", "reason"])
    with pytest.raises(
        ValueError, match=r"2 unlabeled, 1 broken \(dataset/excluded\.csv .*'a\.png': the file is empty"
    ):
        refuse(select((8, 4, 8, 8))[1], excluded, broken="skip")


def test_every_broken_file_that_was_drawn_is_named_at_once():
    _, groups, defects = select(defect=lambda name: "damaged" if name.endswith(("1.jpg", "2.jpg")) else "")
    rows = {"file_name": list(defects), "excluded": "broken", "reason": list(defects.values())}
    with pytest.raises(ValueError, match=rf"^{len(defects)} broken image files: '.*1\.jpg': damaged; .*skip"):
        refuse(groups, pd.DataFrame(rows))
    refuse(groups, pd.DataFrame(rows), broken="skip")


def test_a_file_at_fault_is_replaced_by_the_next_and_no_more_are_read_than_needed():
    full, _, _ = select()
    bad = sources(full, "images")[0]
    asked = []

    def defect(name):
        asked.append(name)
        return "damaged" if name == bad else ""

    selection, groups, defects = select(defect=defect)
    assert defects == {bad: "damaged"}
    assert groups[["found", "images", "reference"]].to_numpy().tolist() == [[7, 3, 2], *[[8, 3, 2]] * 3]
    assert bad not in set(selection["source"])
    assert len(asked) == len(set(asked)) == 21


def test_the_policies_express_900_images_that_train_and_a_reference_of_820():
    attributes = {"race": list("abcde"), "gender": ["man", "woman"], "age": ["young", "middle-aged", "old"]}
    names = group_table(attributes)["group"]
    files = [
        (f"{name}/{i}.png", name) for g, name in enumerate(names) for i in range([29, 31, 52, 59][g] if g < 4 else 99)
    ]
    catalogue = pd.DataFrame(files, columns=["file_name", "group"])
    options: dict[str, Any] = SELECTION | {"per_group": 30, "reference_per_group": 30, "short_group": "duplicate"}
    selection, groups, _ = selecting.select(catalogue, attributes, "a face", **options)
    assert groups[["images", "distinct_images", "reference"]].sum().tolist() == [900, 899, 26 * 30 + 0 + 1 + 22 + 29]
    assert groups["missing"].sum() == 31 + 29 + 8 + 1
    assert (selection["role"] == "images").sum() == 900


def test_a_short_group_can_go_on_with_fewer_its_reference_first():
    selection, groups, _ = select((8, 4, 2, 8), short_group="fewer")
    assert groups[["images", "reference", "missing"]].to_numpy().tolist() == [
        [3, 2, 0],
        [3, 1, 1],
        [2, 0, 3],
        [3, 2, 0],
    ]
    assert selection["source"].is_unique


def test_a_short_group_can_repeat_its_own_images_but_never_its_reference():
    selection, groups, _ = select((8, 4, 2, 8), short_group="duplicate")
    assert groups[["images", "distinct_images", "reference"]].to_numpy().tolist() == [
        [3, 3, 2],
        [3, 3, 1],
        [3, 2, 0],
        [3, 3, 2],
    ]
    reference = sources(selection, "reference")
    assert len(set(reference)) == len(reference)
    assert not set(reference) & set(sources(selection, "images"))


@pytest.mark.parametrize("policy", ["error", "fewer", "duplicate"])
def test_a_group_without_any_image_is_an_error_under_every_policy(policy):
    selection, groups, _ = select((8, 8, 0, 8), short_group=policy)
    assert "woman-young" not in set(selection["group"])
    with pytest.raises(ValueError, match="group woman-young: 0 images found"):
        refuse(groups, short_group=policy)


@pytest.mark.parametrize("policy", ["fewer", "duplicate"])
def test_no_image_left_for_any_reference_is_an_error(policy):
    with pytest.raises(ValueError, match="none are left for the scoring reference"):
        refuse(select((3, 2, 3, 1), short_group=policy)[1], short_group=policy)
