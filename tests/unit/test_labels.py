"""Published labels, as they are published, and how they become the experiment's words."""

import json

import pandas as pd
import pytest

from scripts.lib.dataset import labels
from scripts.lib.dataset.labels import Recipe

FFHQ = ["00000/00000.png", "00000/00007.png", "69000/69999.png"]
# The first columns of FFHQ-Aging's ffhq_aging_labels.csv; the others do not matter.
AGING = """image_number,age_group,age_group_confidence,gender,gender_confidence,head_pitch
0,0-2,1.0,male,0.6,-2.1
7,30-39,0.7,female,1.0,
69999,50-69,0.8,female,1.0,3.5
"""
AGES = {"0-2": "young", "30-39": "middle-aged", "50-69": "old"}


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "labels.csv").write_text(text)
        return tmp_path / "labels.csv"

    return write


def test_ffhq_aging_is_read_as_it_is_published(write):
    recipe = Recipe("csv", "age_group", write(AGING), map=AGES)
    raw = labels.raw_labels(FFHQ, recipe)
    assert raw.to_dict() == dict(zip(FFHQ, ["0-2", "30-39", "50-69"], strict=True))
    assert labels.translate(raw, ["young", "middle-aged", "old"], recipe).tolist() == ["young", "middle-aged", "old"]


def test_a_number_without_a_file_keeps_its_number(write):
    assert labels.raw_labels(FFHQ[:2], Recipe("csv", "gender", write(AGING))).index.tolist() == [*FFHQ[:2], "69999"]


def test_two_files_of_one_number_are_an_error(write):
    recipe = Recipe("csv", "gender", write(AGING))
    with pytest.raises(ValueError, match=r"image 0 exists twice, 'images1024x1024/00000\.png' and 'thumb"):
        labels.raw_labels(["images1024x1024/00000.png", "thumbnails128x128/00000.png"], recipe)


def test_ffhq_as_stylegan_names_it_is_matched(write):
    names = ["00000/img00000000.png", "00000/img00000007.png"]
    assert labels.raw_labels(names, Recipe("csv", "gender", write(AGING))).index.tolist() == [*names, "69999"]


def test_a_number_that_a_spreadsheet_wrote_is_the_same_number(write):
    text = "image_number,gender\n0.0,male\n7.0,female\n069999,female\n"
    assert labels.raw_labels(FFHQ, Recipe("csv", "gender", write(text))).index.tolist() == FFHQ


def test_numbers_without_any_numbered_file_are_an_error_that_says_so(write):
    with pytest.raises(ValueError, match=r"no file of dataset\.path has a number for a name .*first is 'anna\.png'"):
        labels.raw_labels(["anna.png"], Recipe("csv", "gender", write(AGING)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "image_number,gender\n0,male\n00000,female\n",
            r"'00000/00000\.png' is listed more than once, as '0', '00000'; keep",
        ),
        (
            "name,gender\na,male\n",
            r"no column \['file_name or image_number'\]; it has \['name', 'gender'\]",
        ),
        ("file_name,sex\na,male\n", r"labels\.csv: no column \['gender'\]"),
        ("image_number,gender\n7,male\n7,female\n", r"labels\.csv: '00000/00007\.png' is listed more than once"),
    ],
)
def test_a_table_of_another_shape_is_an_error(write, text, message):
    with pytest.raises(ValueError, match=message):
        labels.raw_labels(FFHQ, Recipe("csv", "gender", write(text)))


@pytest.fixture
def features(tmp_path):
    """A folder as ffhq-features-dataset has it: a list of faces per image, some empty."""

    def face(edge, age):
        attributes = {"gender": "female", "age": age, "glasses": "NoGlasses"}
        return {"faceRectangle": {"width": edge, "height": edge}, "faceAttributes": attributes}

    for number, faces in ((0, [face(60, 36.0)]), (7, [face(20, 80.0), face(67, 4.0)]), (69999, [])):
        (tmp_path / f"{number:05d}.json").write_text(json.dumps(faces))
    return tmp_path


def test_ffhq_features_is_read_as_it_is_published_the_largest_face_counting(features):
    raw = labels.raw_labels(FFHQ, Recipe("ffhq_features", "age", features))
    assert raw.to_dict() == {FFHQ[0]: "36.0", FFHQ[1]: "4.0"}


def test_features_of_another_shape_or_place_are_errors(features, tmp_path):
    with pytest.raises(ValueError, match=r"00000\.json: not a face list of ffhq-features with 'race'"):
        labels.raw_labels(FFHQ, Recipe("ffhq_features", "race", features))
    with pytest.raises(FileNotFoundError, match="elsewhere: no such folder"):
        labels.raw_labels(FFHQ, Recipe("ffhq_features", "age", tmp_path / "elsewhere"))
    with pytest.raises(ValueError, match=r"has no NNNNN\.json with a face for any of the 1 images"):
        labels.raw_labels(["portrait.png"], Recipe("ffhq_features", "age", features))


def test_cuts_put_a_number_on_the_bound_above_it():
    raw = pd.Series(["0", "29.9", "30", "54", "55", "100"])
    recipe = Recipe("deepface", "age", cuts=[30, 55])
    assert labels.translate(raw, ["y", "m", "o"], recipe).tolist() == ["y", "y", "m", "m", "o", "o"]


def test_any_number_can_be_cut_and_only_an_age_has_a_range():
    recipe = Recipe("csv", "head_yaw", cuts=[0])
    raw = pd.Series(["-20", "-0.1", "0", "1e9"], list("abcd"))
    assert labels.translate(raw, ["left", "right"], recipe).tolist() == ["left", "left", "right", "right"]
    for wrong in ("", "inf", "nan", "None"):
        with pytest.raises(ValueError, match=rf"head_yaw: 'b' has head_yaw '{wrong}', which is no number \(1 such"):
            labels.translate(pd.Series(["1", wrong], ["a", "b"]), ["left", "right"], recipe)


@pytest.mark.parametrize("age", ["", "old", "-1", "nan", "1e9"])
def test_what_is_no_age_is_an_error_that_names_the_row(age):
    recipe = Recipe("csv", "age", cuts=[30])
    with pytest.raises(ValueError, match=r"age: 'b\.png' has .* which is no age"):
        labels.translate(pd.Series(["40", age], ["a.png", "b.png"]), ["young", "old"], recipe)


def test_a_label_without_a_place_is_an_error_or_dropped():
    raw = pd.Series(["black", "middle eastern"], ["a.png", "b.png"])
    names = {"black": "black"}
    with pytest.raises(ValueError, match=r"'b\.png' has race 'middle eastern', which is none of \['black'\]"):
        labels.translate(raw, ["black"], Recipe("deepface", "race", map=names))
    dropped = labels.translate(raw, ["black"], Recipe("deepface", "race", map=names, unmapped="drop"))
    assert dropped.isna().tolist() == [False, True]
