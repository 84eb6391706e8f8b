"""Tables are read as they were written, whatever their words look like."""

import ast
import io
import math

import numpy as np
import pandas as pd
import pytest

from scripts.lib.base import csvs
from scripts.lib.base.code import ROOT

ODD = ["None", "NA", "N/A", "nan", "NaN", "null", "-inf", "1", "1.0", "007", "1e5", "true", "True", "", " ", " a ", "#"]
ODD += ["a,b", 'q"q', "two\nlines", "a\rb", "a\r\nb", "日本 👩", "{x}", "$5 $", "-x", "=1+1"]


def test_text_survives_as_it_is(tmp_path):
    table = pd.DataFrame({"arm": ODD, "kind": ODD[::-1]})
    csvs.write(tmp_path / "table.csv", table)
    assert csvs.read(tmp_path / "table.csv").to_numpy().tolist() == table.to_numpy().tolist()


def test_a_single_column_keeps_its_blank_rows(tmp_path):
    csvs.write(tmp_path / "table.csv", pd.DataFrame({"text": ["", "a", ""]}))
    assert csvs.read(tmp_path / "table.csv")["text"].tolist() == ["", "a", ""]


def test_numbers_are_exact_and_a_blank_one_is_missing(tmp_path):
    values = [0.1 + 0.2, 1 / 3, 1e-300, 123456789.123456789, *np.random.default_rng(0).random(1000), math.nan]
    table = pd.DataFrame({"value": values, "n": range(len(values)), "ok": [n % 2 == 0 for n in range(len(values))]})
    csvs.write(tmp_path / "table.csv", table)
    read = csvs.read(tmp_path / "table.csv", {"value": float, "n": int, "ok": bool})
    pd.testing.assert_frame_equal(read, table, check_exact=True)


def test_parts_are_written_as_they_come_under_one_header(tmp_path):
    parts = [
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame({"a": ["1"], "b": ["x"]}),
        pd.DataFrame({"a": [""], "b": ["y"]}),
    ]
    csvs.write(tmp_path / "table.csv", iter(parts))
    assert (tmp_path / "table.csv").read_bytes() == b"a,b\n1,x\n,y\n"


def test_a_failure_between_two_parts_leaves_the_old_table(tmp_path):
    path = tmp_path / "table.csv"
    csvs.write(path, pd.DataFrame({"a": ["old"]}))

    def parts():
        yield pd.DataFrame({"a": ["new"]})
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        csvs.write(path, parts())
    assert path.read_text() == "a\nold\n"
    assert [file.name for file in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,n\nx,\n", "table.csv: cannot be read as a table"),
        (b"a,n\nx,one\n", "table.csv: cannot be read as a table"),
        (b"a,n\nx,1,2,3\ny\n", "table.csv: cannot be read as a table"),
        ("a,n\nGröße,1\n".encode("latin-1"), "table.csv: cannot be read as a table"),
        (b"", "table.csv: cannot be read as a table"),
        (b"a,b\nx,1\n", r"table.csv: no column \['n'\]"),
    ],
)
def test_what_is_no_such_table_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        csvs.read(path, {"n": int})


def test_an_open_file_is_read_too():
    assert csvs.read(io.BytesIO(b"a\nNA\n"))["a"].tolist() == ["NA"]


def test_no_other_module_reads_or_writes_a_csv():
    modules = [path for path in (ROOT / "scripts").rglob("*.py") if path.name != "csvs.py"]
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("read_csv", "to_csv", "read_table")
    ]
    assert not found
