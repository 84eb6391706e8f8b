"""Which candidates there are: drawn avatars or the files of a folder, with their groups, and what drops out."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from scripts.lib.dataset import files, labels
from scripts.lib.experiment.groups import groups

Attributes = Mapping[str, Sequence[str]]


def group_table(attributes: Attributes) -> pd.DataFrame:
    """Return one row per demographic group: a column per attribute, and the group's name in ``group``."""
    return pd.DataFrame([values | {"group": name} for name, values in groups(attributes).items()])


def catalogue_avatars(attributes: Attributes, drawn: Attributes, per_group: int) -> pd.DataFrame:
    """List avatars that can be drawn: ``per_group`` of each group.

    Args:
        attributes: the experiment's attributes.
        drawn: the attributes that avatars have.

    Raises:
        ValueError: an attribute or a value that avatars do not have.
    """
    for name, values in drawn.items():
        unknown = set(attributes.get(name, [])) - set(values)
        if name not in attributes or unknown:
            raise ValueError(
                f"dataset.attributes.{name}: avatars have the values {list(values)}; "
                + (f"{sorted(unknown)} are not among them" if unknown else "the attribute is missing")
            )
    if unknown := set(attributes) - set(drawn):
        raise ValueError(f"dataset.attributes: avatars have no attribute {sorted(unknown)}, only {list(drawn)}")
    table = group_table(attributes).merge(pd.DataFrame({"number": range(per_group)}), how="cross")
    table.insert(0, "file_name", table["group"] + "-" + table.pop("number").map("{:04d}".format) + ".png")
    return table.assign(excluded="", reason="")


def label(
    table: pd.DataFrame,
    raw: Mapping[str, pd.Series],
    attributes: Attributes,
    recipes: Mapping[str, labels.Recipe],
    *,
    broken: str,
) -> pd.DataFrame:
    """Add the values of some attributes to a table of files, and say of each file that drops out why.

    Args:
        table: ``file_name``, ``excluded``, ``reason`` and what attributes there are already.
        raw: the sources' labels of each attribute to add, by file name.
        attributes: the experiment's attributes and their values.
        recipes: how labels become values.
        broken: ``error`` or ``skip``.

    Returns:
        The table with one column per attribute. ``excluded`` is empty, ``broken``, ``missing`` (listed, but not in the
        folder), ``unlabeled`` or ``unmapped``.

    Raises:
        ValueError: a label has no place among the values; a file is broken or missing, under ``error``.
    """
    for name, found in raw.items():
        values = labels.translate(found, attributes[name], recipes[name])
        table = _add_missing(table, found.index, f"listed in {recipes[name].path}")
        table[name] = table["file_name"].map(values).fillna("")
        given = table["file_name"].map(found)
        table = _exclude(table, given.isna(), "unlabeled", f"no {name} in {recipes[name].place}")
        table = _exclude(table, table[name] == "", "unmapped", name + " " + given.astype(str) + " is not used")
    if broken == "error":
        refuse_faults(table)
    return table


def mark_unreadable(table: pd.DataFrame, classified: pd.DataFrame) -> pd.DataFrame:
    """Note which files the classifier could not read: those whose ``reason`` is not empty.

    Raises:
        ValueError: files were not classified, since the folder has changed in between.
    """
    asked = table.loc[~table["excluded"].isin(["broken", "missing"]), "file_name"]
    left = asked[~asked.isin(classified["file_name"])]
    if len(left):
        raise ValueError(f"{left.iloc[0]!r} was not classified ({len(left)} such files); add --forcerun list_images")
    reasons = table["file_name"].map(classified.set_index("file_name")["reason"]).fillna("")
    return _exclude(table, reasons != "", "broken", reasons)


def grouped(table: pd.DataFrame, attributes: Attributes) -> pd.DataFrame:
    """Return the labeled files with the group of each; an excluded file has none.

    Of a file that links give several names, the first that is not excluded stays; the others are ``duplicate``.
    """
    table = _exclude_copies(table)
    result = table.merge(group_table(attributes), on=list(attributes), how="left")
    result["group"] = result["group"].where(result["excluded"] == "", "")
    return result[["file_name", *attributes, "group", "excluded", "reason"]]


def _exclude(table: pd.DataFrame, which: Any, kind: str, reason: Any) -> pd.DataFrame:
    """Note why rows drop out; the first reason stays."""
    if "excluded" not in table:
        table = table.assign(excluded="", reason="")
    which = which & (table["excluded"] == "")
    return table.assign(excluded=table["excluded"].mask(which, kind), reason=table["reason"].mask(which, reason))


def _exclude_copies(table: pd.DataFrame) -> pd.DataFrame:
    if "same_as" not in table:
        return table
    file = table["same_as"].where(table["same_as"] != "", table["file_name"])
    used = table["excluded"] == ""
    first = file.map(table["file_name"][used].groupby(file[used]).first())
    copy = used & (first != table["file_name"])
    return _exclude(table, copy, "duplicate", "the same file as " + first.map(repr))


def _add_missing(table: pd.DataFrame, listed: pd.Index, where: str) -> pd.DataFrame:
    """Add a row for each listed name that no file of the table has."""
    lost = listed.difference(table["file_name"].tolist())
    if lost.empty:
        return table
    near = files.by_likeness(table["file_name"][~table["file_name"].isin(listed)])
    reasons = [f"{where}, but {files.why_not_listed(name, near)}" for name in lost]
    rows = pd.DataFrame({"file_name": lost, "excluded": "missing", "reason": reasons})
    return pd.concat([table, rows], ignore_index=True).fillna("")


def refuse_faults(table: pd.DataFrame) -> None:
    """Refuse files that are broken or missing.

    Args:
        table: ``file_name``, ``excluded`` and ``reason``.

    Raises:
        ValueError: there are such files; gives their number and the first five of each kind.
    """
    kinds = {"broken": "broken image files", "missing": "listed images that are not in dataset.path"}
    faults = []
    for kind, what in kinds.items():
        rows = table[table["excluded"] == kind]
        if len(rows):
            shown = "; ".join(f"{row.file_name!r}: {row.reason}" for row in rows.head(5).itertuples())
            faults.append(f"{len(rows):,} {what}: {shown}{'; ...' * (len(rows) > 5)}")
    if faults:
        raise ValueError(
            ". ".join(faults) + ". Replace or add the files, remove them from the tables of labels, or set "
            "dataset.broken to skip to go on without them"
        )
