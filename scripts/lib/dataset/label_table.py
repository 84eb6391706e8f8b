"""Read a user's own table of labels, and say what is wrong with it in the user's terms."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

DELIMITERS = ",;\t"
KEYS = ("file_name", "image_number")
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # xlsx and ods; xls


def read(path: Path, column: str) -> tuple[str, pd.Series]:
    """Read one column of labels by the column that names the images.

    Returns:
        Which of ``KEYS`` names the images, and the labels as text by it, in the order of the table.

    Raises:
        ValueError: see ``columns``.
    """
    key, table = columns(path, KEYS, [column])
    return key, pd.Series(table[column].to_numpy(), table[key].to_numpy(), dtype=object)


def columns(path: Path, keys: Sequence[str], others: Sequence[str]) -> tuple[str, pd.DataFrame]:
    """Read some columns of a user's own table, all of them text.

    The table is UTF-8, or UTF-16 as Excel's "Unicode text"; commas, semicolons or tabs separate the fields.

    Args:
        path: the file.
        keys: names of the column that names the images, of which the table has one.
        others: the further columns.

    Returns:
        Which of ``keys`` the table has, and its column with the others, in the order of the table.

    Raises:
        ValueError: the file is no such table, a row has another number of fields than the header, a quoted field
            swallows rows, or a column is missing or there twice; names the line.
    """
    text = _decode(path)
    delimiter = _delimiter(text)
    rows = _rows(path, text, delimiter)
    header = next(rows, (0, []))[1]
    key = next((name for name in keys if name in header), None)
    if missing := [name for name in (key or " or ".join(keys), *others) if name not in header]:
        raise ValueError(f"{path}: no column {missing}; it has {header}")
    assert key is not None
    wanted = [key, *others]
    if twice := [name for name in wanted if header.count(name) > 1]:
        raise ValueError(f"{path}: the header names {twice[0]!r} more than once; rename or remove one of these columns")
    places = [header.index(name) for name in wanted]
    found = []
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"{path}, line {line}: {len(row)} fields, the header has {len(header)}; correct the line (text with "
                f"{delimiter!r} in it needs quotes)"
            )
        _check_swallowed(path, line, row, delimiter)
        found.append([row[place] for place in places])
    return key, pd.DataFrame(found, columns=wanted, dtype=object)


def _decode(path: Path) -> str:
    if path.is_dir():
        raise ValueError(f"{path}: is a folder, not a CSV; name the table itself (JSON files need `ffhq_features`)")
    content = path.read_bytes()
    if content.startswith(WORKBOOKS):
        raise ValueError(f"{path}: is a workbook, not a CSV; save the sheet as CSV UTF-8")
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {line}: {content[error.start : error.start + 1]!r} is not UTF-8"
            f"{' or UTF-16' * utf16}; save the table as UTF-8 (in Excel: CSV UTF-8)"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(f"{path}, line {line}: a zero byte, so this is no UTF-8; save the table as UTF-8")
    return text


def _delimiter(text: str) -> str:
    """Return what separates the fields of the header: what makes a column of ``KEYS`` appear, or else a comma."""
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]
    fields = {delimiter: next(csv.reader([header], delimiter=delimiter), []) for delimiter in DELIMITERS}
    return next((delimiter for delimiter in DELIMITERS if set(KEYS) & set(fields[delimiter])), ",")


def _rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of its first line; rows without any text are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            if any(row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {line}: is no row of a CSV ({error}); look for a quote that is opened and not closed, and "
            'write a quote inside a quoted field twice ("")'
        ) from None


def _check_swallowed(path: Path, line: int, row: list[str], delimiter: str) -> None:
    """Refuse a row of which a field holds a line that is a whole row by itself."""
    for field in row:
        for further in field.split("\n")[1:]:
            if further.count(delimiter) == len(row) - 1:
                raise ValueError(
                    f"{path}, line {line}: a quote is opened and not closed, so that the row takes in {further!r}; "
                    "close the quote, or write it twice"
                )
