"""Tables: CSV files whose columns have explicit types, so that what was written is what is read.

A column is text unless the reader names its type. Text is read as it stands: ``NA``, ``null``, ``007``, ``1.0`` and
a blank are those very texts. A blank number is NaN where the column's type is ``float``, and an error elsewhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

import pandas as pd

from scripts.lib.base.atomic import replacing

Types = Mapping[str, type]
CELL: Types = {"replicate": int, "iteration": int}
SCORES: Types = {**CELL, "value": float, "n": int, "low_images": float, "high_images": float}
COSTS: Types = {
    **CELL,
    "seconds": float,
    "optimizer_steps": float,  # Blank where nothing is trained.
    "gpus": int,
    "peak_memory_mib": int,
    "peak_gpu_memory_mib": float,  # Blank where there is no GPU.
}
GROUPS: Types = dict.fromkeys(["found", "images", "reference", "distinct_images", "missing"], int)
COMPOSITION: Types = {"real": int, "generated": int}
DISTANCES: Types = {"distance": float}
CULLED: Types = {"distance": float, "threshold": float, "accepted": bool}
TEXT: Types = {}


def read(source: Path | IO[bytes], types: Types = TEXT) -> pd.DataFrame:
    r"""Read a table that ``write`` has written: UTF-8, a header, lines that end in ``\n``.

    Args:
        source: a file, or an open one.
        types: ``int``, ``float`` or ``bool`` by column; all other columns are text.

    Raises:
        ValueError: the source is no such table, lacks a column of ``types``, or a value is not of its type; the
            message names the source.
    """
    name = source if isinstance(source, Path) else getattr(source, "name", "table")
    try:
        table = pd.read_csv(
            source,
            dtype=defaultdict(lambda: str, types),
            keep_default_na=False,
            na_values={column: [""] for column, kind in types.items() if kind is float},
            lineterminator="\n",
            encoding="utf-8",
        )
    except ValueError as error:  # Among them pandas' errors of parsing, and text that is not UTF-8.
        raise ValueError(f"{name}: cannot be read as a table ({error}); remove it, so that it is made again") from error
    if missing := sorted(set(types) - set(table)):
        raise ValueError(f"{name}: no column {missing}; it has {list(table)}")
    return table


def write(path: Path, table: pd.DataFrame | Iterable[pd.DataFrame]) -> None:
    """Write a table, whole or not at all; None and NaN are blank.

    Args:
        path: the file to make.
        table: the table, or its parts in order, each written as it comes; the first part names the columns.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        for number, part in enumerate([table] if isinstance(table, pd.DataFrame) else table):
            file.write(text(part, header=number == 0))


def text(table: pd.DataFrame, *, header: bool = True) -> str:
    """Return a table as the text of a CSV."""
    return table.to_csv(index=False, header=header, lineterminator="\n")
