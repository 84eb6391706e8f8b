"""Real images: what there is, which are used, how a file becomes pixels."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scripts.lib import dataset, labels
from scripts.lib.experiment.groups import groups

ATTRIBUTES = {"gender": ["man", "woman"], "age": ["young", "very old"]}
DRAWN = {"gender": ("man", "woman"), "age": ("young", "middle-aged", "very old")}
PROMPT = "a photo of a {age} {gender}"
SELECTION: dict[str, Any] = {"per_group": 3, "reference_per_group": 2, "short_group": "error", "seed": 0}


def test_groups_are_every_combination_in_the_order_of_the_configuration():
    table = dataset.group_table(ATTRIBUTES)
    assert table["group"].tolist() == ["man-young", "man-very_old", "woman-young", "woman-very_old"]
    assert table["age"].tolist() == ["young", "very old"] * 2


def test_two_groups_of_one_name_are_an_error():
    with pytest.raises(ValueError, match="both be called 'a-b-c'"):
        groups({"first": ["a", "a-b"], "second": ["b-c", "c"]})


def test_avatars_are_listed_a_group_with_names_of_their_own():
    table = dataset.catalogue_avatars(ATTRIBUTES, DRAWN, 5)
    assert table["file_name"].is_unique
    assert table.groupby("group").size().to_dict() == dict.fromkeys(dataset.group_table(ATTRIBUTES)["group"], 5)


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
        dataset.catalogue_avatars(attributes, DRAWN, 5)


@pytest.fixture
def folder(tmp_path):
    """Four images, one in a subfolder, and a function that writes their labels."""
    for name in ("a.png", "b.png", "sub/c.png", "d.png"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "images" / name)

    def catalogue(*rows, header="file_name,gender,age", attributes=ATTRIBUTES, broken="error"):
        path = tmp_path / "labels.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        recipes = {name: labels.Recipe("csv", name, path) for name in attributes}
        files = dataset.list_images(tmp_path / "images")
        raw = {name: labels.raw_labels(files["file_name"].tolist(), recipe) for name, recipe in recipes.items()}
        return dataset.grouped(dataset.label(files, raw, attributes, recipes, broken=broken), attributes)

    return catalogue


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
        (["a.png,man,young", "lost.png,man,young"], r"1 broken image files: 'lost\.png': missing, but listed in .*csv"),
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
        ValueError, match=r"2 broken image files: 'b\.png': the file is empty; 'lost\.png'.*dataset\.broken"
    ):
        folder(*rows)
    table = folder(*rows, broken="skip").set_index("file_name")
    assert table["excluded"].to_dict() == {
        "a.png": "",
        "b.png": "broken",
        "d.png": "unlabelled",
        "sub/c.png": "unlabelled",
        "lost.png": "broken",
    }
    assert table.loc[table["group"] != "", "group"].to_dict() == {"a.png": "man-young"}
    assert "no gender in" in table.loc["d.png", "reason"]


def test_files_are_listed_without_being_opened_and_only_images(tmp_path, monkeypatch):
    for name in ("00001/01000.png", "00000/00007.PNG", "00000/LICENSE.txt", "00000/._00007.png", "empty.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"" if name == "empty.jpg" else b"not opened, so not missed")
    monkeypatch.setattr(Image, "open", None)
    table = dataset.list_images(tmp_path)
    assert table["file_name"].tolist() == ["00000/00007.PNG", "00001/01000.png", "empty.jpg"]
    assert table["excluded"].tolist() == ["", "", "broken"]


def test_a_folder_that_holds_no_image_or_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"holds no image .*dataset\.path"):
        dataset.list_images(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder"):
        dataset.list_images(tmp_path / "nowhere")


def test_a_folder_refuses_labels_without_a_column(folder):
    with pytest.raises(ValueError, match=r"no column \['age'\]; it has \['file_name', 'gender'\]"):
        folder("a.png,man", header="file_name,gender")


def candidates(sizes):
    """A catalogue with so many images a group, in the order of the groups."""
    tables = [
        pd.DataFrame({"file_name": [f"{group}/{i:02d}.jpg" for i in range(size)], "group": group})
        for group, size in zip(dataset.group_table(ATTRIBUTES)["group"], sizes, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)


def select(sizes=(8, 8, 8, 8), **options):
    return dataset.select(candidates(sizes), ATTRIBUTES, PROMPT, **SELECTION | options)


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
    again, _, _ = dataset.select(shuffled, ATTRIBUTES, PROMPT, **SELECTION)
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


def test_a_short_group_is_an_error_that_names_it():
    with pytest.raises(ValueError, match=r"group man-very_old: 4 images found, 3 \+ 2 \(reference\) wanted"):
        select((8, 4, 8, 8))


def test_every_short_group_is_named_at_once():
    with pytest.raises(ValueError, match=r"group man-very_old: 4 .*\ngroup woman-young: 1 images found"):
        select((8, 4, 1, 8))


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
    names = dataset.group_table(attributes)["group"]
    files = [
        (f"{name}/{i}.png", name) for g, name in enumerate(names) for i in range([29, 31, 52, 59][g] if g < 4 else 99)
    ]
    catalogue = pd.DataFrame(files, columns=["file_name", "group"])
    options: dict[str, Any] = {"per_group": 30, "reference_per_group": 30, "seed": 0}
    selection, groups, _ = dataset.select(catalogue, attributes, "a face", short_group="duplicate", **options)
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
    with pytest.raises(ValueError, match="group woman-young: 0 images found"):
        select((8, 8, 0, 8), short_group=policy)


@pytest.mark.parametrize("policy", ["fewer", "duplicate"])
def test_no_image_left_for_any_reference_is_an_error(policy):
    with pytest.raises(ValueError, match="none are left for the scoring reference"):
        select((3, 2, 3, 1), short_group=policy)


@pytest.fixture
def photograph():
    """A landscape of 60 x 40: red left, green middle, blue right; a white stripe at the top."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :20, 0] = pixels[:, 20:40, 1] = pixels[:, 40:, 2] = 200
    pixels[:4] = 255
    return Image.fromarray(pixels)


def test_a_photograph_becomes_its_centre_square(photograph, tmp_path):
    photograph.save(tmp_path / "a.png")
    pixels = dataset.read_image(tmp_path / "a.png", 40)
    assert pixels.dtype == np.uint8
    assert (pixels == np.asarray(photograph)[:, 10:50]).all()
    assert dataset.read_image(tmp_path / "a.png", 16).shape == (16, 16, 3)
    photograph.rotate(90, expand=True).save(tmp_path / "upright.png")
    assert dataset.read_image(tmp_path / "upright.png", 100).shape == (100, 100, 3)


def test_a_photograph_is_turned_upright(photograph, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: to be shown rotated by 90 degrees clockwise
    photograph.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    photograph.save(tmp_path / "upright.png")
    turned, upright = (dataset.read_image(tmp_path / f"{name}.png", 20) for name in ("turned", "upright"))
    assert (turned == upright).all()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_eight_bit_modes_are_read_as_rgb(photograph, tmp_path, mode):
    photograph.convert(mode).save(tmp_path / "a.png")
    assert (
        dataset.read_image(tmp_path / "a.png", 40) == np.asarray(photograph.convert(mode).convert("RGB"))[:, 10:50]
    ).all()


def encoded(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def sixteen_bit_png():
    """A PNG of one 16-bit RGB pixel, which Pillow does not write."""
    return png(1, 16, zlib.compress(bytes(7)))


def huge_png(edge):
    """A few bytes that say they are a huge picture."""
    return png(edge, 8, zlib.compress(b""))


def png(edge, depth, data):
    chunks = {b"IHDR": struct.pack(">IIBBBBB", edge, edge, depth, 2, 0, 0, 0), b"IDAT": data, b"IEND": b""}
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def corrupt(png):
    """Flip a bit in the middle of the pixel data."""
    middle = len(png) // 2
    return png[:middle] + bytes([png[middle] ^ 1]) + png[middle + 1 :]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda _: b"", "cannot be read"),
        (lambda _: b"file_name,gender\na.png,man\n", "cannot be read"),
        (lambda image: encoded(image, "JPEG")[:-200], "cannot be read"),
        (lambda image: encoded(image, "PNG")[:-60], "cannot be read"),
        (lambda image: corrupt(encoded(image, "PNG")), "cannot be read"),
        (lambda image: encoded(image.convert("CMYK"), "JPEG"), "mode is CMYK"),
        (lambda image: encoded(image.convert("RGBA"), "PNG"), "mode is RGBA"),
        (lambda image: encoded(image.convert("LA"), "PNG"), "mode is LA"),
        (lambda image: encoded(image.convert("P"), "PNG", transparency=0), "mode is P with transparency"),
        (lambda image: encoded(image.convert("I;16"), "PNG"), "mode is I;16"),
        (lambda _: sixteen_bit_png(), "mode is RGB of 16 bits"),
        (lambda _: huge_png(20_000), "decompression bomb"),
        (lambda _: huge_png(12_000), "decompression bomb"),
    ],
    ids=[
        "empty",
        "text",
        "truncated JPEG",
        "truncated PNG",
        "corrupt PNG",
        "CMYK",
        "RGBA",
        "LA",
        "palette",
        "16-bit gray",
        "16-bit",
        "bomb",
        "smaller bomb",
    ],
)
def test_an_unreadable_or_ambiguous_file_is_an_error_that_names_it(photograph, tmp_path, content, message):
    path = tmp_path / "portrait-7.img"
    path.write_bytes(content(photograph))
    with pytest.raises(ValueError, match=rf"portrait-7\.img.*{message}"):
        dataset.read_image(path, 16)


def test_every_damage_to_a_file_is_reported_as_such_or_harmless(photograph, tmp_path):
    path = tmp_path / "a.png"
    rng = np.random.default_rng(0)
    intact = {form: encoded(photograph, form) for form in ("PNG", "JPEG")}
    for _ in range(200):
        content = bytearray(intact[rng.choice(list(intact))])
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(content)
        try:
            assert dataset.read_image(path, 16).shape == (16, 16, 3)
        except ValueError as error:
            assert "a.png" in str(error)  # noqa: PT017
