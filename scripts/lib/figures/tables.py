"""Tables of the results as pages."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from scripts.lib.base import csvs
from scripts.lib.base.code import ROOT
from scripts.lib.experiment.cell import ALL, Cell
from scripts.lib.figures import pages

Name = Literal["cells", "composition", "groups", "configuration", "costs"]
CELL = ["arm", "replicate", "iteration"]
TEMPLATE = ROOT / "report" / "table" / "page.html"


def read(name: Name, sources: Sequence[Path]) -> pd.DataFrame:
    """Return a table as it is shown, one row per cell, group or setting.

    Args:
        name: ``cells`` are the scores of the whole set of each cell's generated images, ``composition``
            the sums and the range over groups of each cell's training set, ``costs`` the sums over all cells of an
            arm; the others are as they lie.
        sources: the CSV; of ``composition``, that of every cell.
    """
    if name == "composition":
        return pd.DataFrame([_composition(path) for path in sources])
    if name == "costs":
        return costs(csvs.read(sources[0], csvs.COSTS))
    if name == "cells":
        return cells(csvs.read(sources[0], csvs.SCORES))
    return csvs.read(sources[0], csvs.GROUPS if name == "groups" else csvs.TEXT)


def cells(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell, of its generated images as a whole, in the order of the scores.

    There is one column per metric, and per feature space where there are several.
    """
    whole = scores[(scores["images"] == "generated") & (scores["group"] == ALL)]
    spaces = whole["features"].where(whole["features"] != "").nunique()
    named = whole["metric"].where((spaces == 1) | (whole["features"] == ""), whole["metric"] + " " + whole["features"])
    wide = whole.assign(metric=named).pivot_table(index=CELL, columns="metric", values="value", sort=False)
    wide.insert(0, "n", whole.groupby(CELL)["n"].max())
    return wide.reset_index().rename_axis(columns=None)


def costs(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per arm and step from one row per job: hours are sums, memory is the largest job's, in MiB."""
    jobs = jobs.assign(step=jobs["step"].str.split("/").str[0], gpu_hours=jobs["seconds"] * jobs["gpus"] / 3600)
    table = jobs.groupby(["arm", "step"], sort=False).agg(
        jobs=("seconds", "size"),
        hours=("seconds", "sum"),
        gpu_hours=("gpu_hours", "sum"),
        optimizer_steps=("optimizer_steps", lambda steps: steps.sum(min_count=1)),
        peak_memory_mib=("peak_memory_mib", "max"),
        peak_gpu_memory_mib=("peak_gpu_memory_mib", "max"),
    )
    return table.assign(hours=table["hours"] / 3600).reset_index()


def _composition(path: Path) -> dict[str, str | int]:
    cell, table = Cell.from_path(path), csvs.read(path, csvs.COMPOSITION)
    lowest, highest = table["generated"].min(), table["generated"].max()
    return {
        **cell._asdict(),
        "real": table["real"].sum(),
        "generated": table["generated"].sum(),
        "groups": len(table),
        "generated in a group": f"{lowest}" if lowest == highest else f"{lowest} to {highest}",
    }


def page(title: str, table: pd.DataFrame) -> str:
    """Return a table as one HTML page: no script, no request, numbers with four significant digits, none where NaN."""
    numeric = [pd.api.types.is_numeric_dtype(table[column]) for column in table]
    rows = [map(_text, row) for row in table.itertuples(index=False, name=None)]
    return pages.render(TEMPLATE, title=title, columns=list(zip(table.columns, numeric, strict=True)), rows=rows)


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4g}"
    return str(value)
