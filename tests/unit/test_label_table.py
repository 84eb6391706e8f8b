"""A user's own table: what is read, and what is said of what is not."""

import csv
import io

import pytest

from scripts.lib.dataset import label_table

ROWS = [["file_name", "gender"], ["a, b.png", "man"], ["é\n.png", "woman"], ['"c".png', "NA"]]


@pytest.fixture
def read(tmp_path):
    def read(content, column="gender"):
        (tmp_path / "labels.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return label_table.read(tmp_path / "labels.csv", column)

    return read


def text_of(rows, delimiter=",", end="\n"):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator=end).writerows(rows)
    return buffer.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_as_spreadsheets_save_it_is_read(read, encoding, delimiter, end):
    key, labels = read(text_of(ROWS, delimiter, end).encode(encoding))
    assert (key, list(labels.items())) == ("file_name", [tuple(row) for row in ROWS[1:]])


def test_empty_rows_are_left_out(read):
    assert read("file_name,gender\n\na.png,man\n,\n")[1].to_dict() == {"a.png": "man"}


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(ValueError, match="is a folder, not a CSV"):
        label_table.read(tmp_path, "gender")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file_name,gender,name\na.png,man,Zo\xeb\n", r"labels\.csv, line 2: b'\\xeb' is not UTF-8; save the table"),
        ("file_name,gender\na.png,man\n".encode("utf-16-le"), r"line 1: a zero byte, so this is no UTF-8"),
        (b"\xff\xfea", r"line 1: .* is not UTF-8 or UTF-16"),
        (b"PK\x03\x04...", r"is a workbook, not a CSV; save the sheet as CSV UTF-8"),
        ("", r"no column \['file_name or image_number', 'gender'\]; it has \[\]"),
        ("file_name,gender\na.png,man\nb.png,man,spare\n", r"line 3: 3 fields, the header has 2"),
        ("file_name,gender\na.png\n", r"line 2: 1 fields, the header has 2"),
        ("file_name,gender,gender\na.png,man,man\n", r"the header names 'gender' more than once"),
        ('file_name,gender\na.png,"man\nb.png,woman\nc.png,man\n', r"line 2: is no row of a CSV .*a quote"),
        ('file_name,gender\na.png,"man\nb.png,woman"\nc.png,man\n', r"line 2: .*takes in 'b\.png,woman'"),
        ('file_name,gender\na.png,"ma"n\n', r"line 2: is no row of a CSV"),
    ],
    ids=[
        "Windows-1252",
        "UTF-16 without a mark",
        "half UTF-16",
        "workbook",
        "empty",
        "too many fields",
        "too few fields",
        "a column twice",
        "a quote left open",
        "a quote closed later",
        "text behind a quote",
    ],
)
def test_what_is_no_table_is_an_error_that_names_line_and_remedy(read, content, message):
    with pytest.raises(ValueError, match=message):
        read(content)
