"""What a step of curation rejected, in the order in which the figure and the page show it."""

from collections.abc import Container, Mapping
from typing import Any, NamedTuple

import pandas as pd

from scripts.lib.experiment.cell import Cell


class Rejections(NamedTuple):
    """The rejected candidates of one step.

    Attributes:
        rows: of the step's table, the farthest from their threshold first, then those without one.
        threshold: of all candidates; None where the step has none, or several.
        side: where the rejected ones lie, ``above`` or ``below`` that threshold; blank where on both sides.
    """

    rows: pd.DataFrame
    threshold: float | None
    side: str


def of(table: pd.DataFrame) -> Rejections:
    """Return what a step rejected.

    Args:
        table: what the step decided, as ``scripts.lib.curation.candidates`` describes it.
    """
    rejected = table[~table["accepted"]]
    beyond = rejected["score"] - rejected["threshold"]
    rows = rejected.loc[beyond.abs().sort_values(ascending=False, kind="stable", na_position="last").index]
    thresholds = table["threshold"].unique()
    if len(thresholds) != 1 or pd.isna(thresholds[0]):
        return Rejections(rows, None, "")
    side = "above" if (beyond > 0).all() else "below" if (beyond < 0).all() else ""
    return Rejections(rows, float(thresholds[0]), side)


def facts(step: str, table: pd.DataFrame, replicate: int, shown: Container[str]) -> dict[str, Any]:
    """Return what the page says of a step of a cell.

    Args:
        step: its name in paths.
        table: what the step decided, as ``scripts.lib.curation.candidates`` describes it.
        replicate: of the cell.
        shown: the names of the image sets that the page has.

    Returns:
        ``step``; ``threshold`` and ``side`` (see ``Rejections``); ``total``, the candidates that were judged; and
        ``rejected``: for each the ``slot``, its ``score`` or None, the ``set`` and the ``file`` of its image (blank
        where the page does not have the set), and ``replacement``, the image trained on instead, or "".
    """
    found = of(table)
    rows = found.rows
    given = rows["instead"] != ""
    files = table["file_name"].str.rpartition("/")[2]  # Those of several models lie in folders of one set.
    instead = files.reindex(pd.to_numeric(rows["instead"].where(given))).set_axis(rows.index)
    sets = [_set_of(row, replicate) for row in rows.to_dict("records")]
    listed = rows[["slot", "score"]].assign(
        file=files[rows.index],
        set=[name if name in shown else "" for name in sets],
        replacement=instead.where(given, ""),
    )
    named = {"step": step, "threshold": found.threshold, "side": found.side, "total": len(table)}
    return named | {"rejected": listed.astype(object).where(listed.notna(), None).to_dict("records")}


def _set_of(row: Mapping[Any, Any], replicate: int) -> str:
    """Return the name of the image set that a candidate is of; an image that a step has rewritten, as it was before."""
    if "/curation/" in row["images"]:
        return f"{Cell(row['origin'], replicate, row['iteration'])}/generated"
    return str(row["images"]).removesuffix(".zip")
