"""Candidates: groups, avatars, files with their labels, and what drops out."""

import unicodedata

import pandas as pd
import pytest
from PIL import Image

from scripts.lib.dataset import catalogue, files, labels
from scripts.lib.experiment.groups import groups

ATTRIBUTES = {"gender": ["man", "woman"], "age": ["young", "very old"]}
DRAWN = {"gender": ("man", "woman"), "age": ("young", "middle-aged", "very old")}


def test_groups_are_every_combination_in_the_order_of_the_configuration():
    table = catalogue.group_table(ATTRIBUTES)
    assert table["group"].tolist() == ["man-young", "man-very_old", "woman-young", "woman-very_old"]
    assert table["age"].tolist() == ["young", "very old"] * 2


def test_two_groups_of_one_name_are_an_error():
    with pytest.raises(ValueError, match="both be called 'a-b-c'"):
        groups({"first": ["a", "a-b"], "second": ["b-c", "c"]})


def test_avatars_are_listed_a_group_with_names_of_their_own():
    table = catalogue.catalogue_avatars(ATTRIBUTES, DRAWN, 5)
    assert table["file_name"].is_unique
    assert table.groupby("group").size().to_dict() == dict.fromkeys(catalogue.group_table(ATTRIBUTES)["group"], 5)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"gender": ["man", "robot"], "age": ["young"]}, r"dataset\.attributes\.gender.*'robot'"),
        ({"gender": ["man"]}, r"dataset\.attributes\.age.*missing"),
        (ATTRIBUTES | {"hat": ["red"]}, r"no attribute \['hat'\]"),
    ],
)
def test_avatars_refuse_what_they_do_not_have(attributes, message):
    with pytest.raises(ValueError, match=message):
        catalogue.catalogue_avatars(attributes, DRAWN, 5)


@pytest.fixture
def folder(tmp_path):
    """Four images, one in a subfolder, and a function that writes their labels."""
    for name in ("a.png", "b.png", "sub/c.png", "d.png"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "images" / name)

    def catalogued(*rows, header="file_name,gender,age", attributes=ATTRIBUTES, broken="error"):
        path = tmp_path / "labels.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        recipes = {name: labels.Recipe("csv", name, path) for name in attributes}
        table = files.list_images(tmp_path / "images")
        raw = {name: labels.raw_labels(table["file_name"].tolist(), recipe) for name, recipe in recipes.items()}
        return catalogue.grouped(catalogue.label(table, raw, attributes, recipes, broken=broken), attributes)

    return catalogued


def test_a_folder_is_listed_by_its_labels_and_further_columns_are_left_out(folder):
    header = "photographer,file_name,age,gender"
    table = folder("x,a.png,young,man", "y,sub/c.png,very old,woman", header=header)
    used = table[table["excluded"] == ""].drop(columns=["excluded", "reason"])
    assert used.to_dict("records") == [
        {"file_name": "a.png", "gender": "man", "age": "young", "group": "man-young"},
        {"file_name": "sub/c.png", "gender": "woman", "age": "very old", "group": "woman-very_old"},
    ]


def test_labels_are_text_even_where_they_look_like_numbers_or_nothing(folder):
    table = folder("a.png,007,NA", "b.png,7,None", attributes={"gender": ["7", "007"], "age": ["NA", "None"]})
    assert table["group"].tolist() == ["007-NA", "7-None", "", ""]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a.png,man,young", "lost.png,man,young"], r"1 listed images that are not in .*'lost\.png': listed in .*csv"),
        (["a.png,man,young", "b.png,man,78"], r"labels\.csv, age: 'b\.png' has age '78', which is none of"),
        (["a.png,man,young", "b.png,,young"], r"'b\.png' has gender ''"),
        (["a.png,man,young", "a.png,woman,young"], r"'a\.png' is listed more than once"),
    ],
)
def test_a_folder_refuses_labels_that_do_not_fit(folder, rows, message):
    with pytest.raises(ValueError, match=message):
        folder(*rows)


def test_a_folder_can_leave_broken_files_out_and_says_why(folder, tmp_path):
    (tmp_path / "images/b.png").write_bytes(b"")
    rows = ["a.png,man,young", "b.png,man,young", "lost.png,man,young"]
    with pytest.raises(
        ValueError,
        match=r"1 broken image files: 'b\.png': the file is empty\. 1 listed images .*'lost\.png'.*dataset\.broken",
    ):
        folder(*rows)
    table = folder(*rows, broken="skip").set_index("file_name")
    assert table["excluded"].to_dict() == {
        "a.png": "",
        "b.png": "broken",
        "d.png": "unlabeled",
        "sub/c.png": "unlabeled",
        "lost.png": "missing",
    }
    assert table.loc[table["group"] != "", "group"].to_dict() == {"a.png": "man-young"}
    assert "no gender in" in table.loc["d.png", "reason"]


def test_a_folder_refuses_labels_without_a_column(folder):
    with pytest.raises(ValueError, match=r"no column \['age'\]; it has \['file_name', 'gender'\]"):
        folder("a.png,man", header="file_name,gender")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("lost.png", "the folder has no such file"),
        ("e.heic", r"the ending '\.heic' is not read as an image"),
        ("e", "a name without an ending is not read"),
        ("images/a.png", r"no such file, but 'a\.png'; write its name as a path below dataset\.path"),
        ("A.PNG", r"but 'a\.png'"),
        ("sub\\c.png", r"but 'sub/c\.png'"),
        (".trash/a.png", r"'\.trash' is hidden or a system's own"),
        ("sub/@eaDir/a.png", "'@eaDir' is hidden or a system's own"),
    ],
)
def test_a_listed_name_without_a_file_gets_its_own_reason(folder, name, why):
    with pytest.raises(ValueError, match=why):
        folder(f"{name},man,young", "b.png,man,young")


def test_part_of_a_folder_with_the_whole_table_is_said_in_one_sentence(folder):
    rows = ["a.png,man,young", *(f"{number:05d}.png,man,young" for number in range(2000))]
    with pytest.raises(ValueError, match=r"^2,000 listed images that are not in dataset\.path: '00000\.png'") as error:
        folder(*rows)
    assert len(str(error.value)) < 1000
    assert (folder(*rows, broken="skip")["excluded"] == "missing").sum() == 2000


def test_names_are_matched_whatever_the_form_of_their_accents(folder, tmp_path):
    nfc, nfd = ([unicodedata.normalize(form, f"José {n}.png") for n in range(2)] for form in ("NFC", "NFD"))
    for name in (nfd[0], nfc[1]):
        Image.new("RGB", (4, 4)).save(tmp_path / "images" / name)
    other = [nfc[0], nfd[1]]
    table = folder(*(f"{name},man,young" for name in other))
    used = table.loc[table["excluded"] == "", "file_name"].tolist()
    assert used == [nfd[0], nfc[1]]


def test_a_file_with_two_names_is_used_once_under_the_name_that_is_labeled(folder, tmp_path):
    (tmp_path / "images/0.png").symlink_to(tmp_path / "images/a.png")
    (tmp_path / "images/linked").symlink_to(tmp_path / "images/sub")
    table = folder("a.png,man,young", "sub/c.png,man,young", "linked/c.png,man,young").set_index("file_name")
    assert table["excluded"].to_dict() == {
        "0.png": "unlabeled",
        "a.png": "",
        "b.png": "unlabeled",
        "d.png": "unlabeled",
        "linked/c.png": "",
        "sub/c.png": "duplicate",
    }
    assert table.loc["sub/c.png", "reason"] == "the same file as 'linked/c.png'"
    assert table.loc["sub/c.png", "group"] == ""


def test_a_file_that_was_not_classified_is_an_error():
    table = pd.DataFrame({"file_name": ["a.png", "b.png"], "excluded": "", "reason": ""})
    with pytest.raises(ValueError, match=r"'b\.png' was not classified \(1 such files\); add --forcerun list_images"):
        catalogue.mark_unreadable(table, pd.DataFrame({"file_name": ["a.png"], "reason": [""]}))
