"""Real images: what there is, which are used, and how they are read (paper, section 2.1)."""

import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from scripts.lib import labels
from scripts.lib.base.seeds import seed_of
from scripts.lib.experiment.groups import groups

Attributes = Mapping[str, Sequence[str]]
ROLES = ("images", "reference")
ENDINGS = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
READABLE_MODES = {"RGB", "L", "P", "1"}


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


def list_images(folder: Path) -> pd.DataFrame:
    """List the image files below a folder by their names' endings, without opening any.

    Returns:
        ``file_name`` (relative to the folder, sorted), ``excluded`` and ``reason``: a file of zero bytes is broken.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no image is in it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; correct dataset.path")
    files = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()
    ]
    if not files:
        raise ValueError(f"{folder}: holds no image ({', '.join(sorted(ENDINGS))}); correct dataset.path")
    table = pd.DataFrame({"file_name": sorted(path.relative_to(folder).as_posix() for path in files)})
    empty = {path.relative_to(folder).as_posix() for path in files if not path.stat().st_size}
    return _exclude(table, table["file_name"].isin(empty), "broken", "the file is empty")


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
        The table with a column an attribute. ``excluded`` is empty, ``broken`` (also of a listed
        file that is missing), ``unlabelled`` or ``unmapped``.

    Raises:
        ValueError: a label has no place among the values; a file is broken, under ``error``.
    """
    for name, found in raw.items():
        values = labels.translate(found, attributes[name], recipes[name])
        lost = pd.DataFrame({"file_name": found.index.difference(table["file_name"].tolist())})
        lost = _exclude(lost, True, "broken", f"missing, but listed in {recipes[name].path}")
        table = pd.concat([table, lost], ignore_index=True).fillna("")
        table[name] = table["file_name"].map(values).fillna("")
        given = table["file_name"].map(found)
        table = _exclude(table, given.isna(), "unlabelled", f"no {name} in {recipes[name].place}")
        table = _exclude(table, table[name] == "", "unmapped", name + " " + given.astype(str) + " is not used")
    _refuse(table[table["excluded"] == "broken"], broken)
    return table


def mark_unreadable(table: pd.DataFrame, classified: pd.DataFrame) -> pd.DataFrame:
    """Note which files the classifier could not read: those whose ``reason`` is not empty.

    Raises:
        ValueError: files were not classified, since the folder has changed in between.
    """
    left = table.loc[(table["excluded"] != "broken") & ~table["file_name"].isin(classified["file_name"]), "file_name"]
    if len(left):
        raise ValueError(f"{left.iloc[0]!r} was not classified ({len(left)} such files); add --forcerun list_images")
    reasons = table["file_name"].map(classified.set_index("file_name")["reason"]).fillna("")
    return _exclude(table, reasons != "", "broken", reasons)


def grouped(table: pd.DataFrame, attributes: Attributes) -> pd.DataFrame:
    """Return the labelled files with the group of each; an excluded file has none."""
    result = table.merge(group_table(attributes), on=list(attributes), how="left")
    result["group"] = result["group"].where(result["excluded"] == "", "")
    return result[["file_name", *attributes, "group", "excluded", "reason"]]


def _exclude(table: pd.DataFrame, which: Any, kind: str, reason: Any) -> pd.DataFrame:
    """Note why rows drop out; the first reason stays."""
    if "excluded" not in table:
        table = table.assign(excluded="", reason="")
    which = which & (table["excluded"] == "")
    return table.assign(excluded=table["excluded"].mask(which, kind), reason=table["reason"].mask(which, reason))


def _refuse(broken: pd.DataFrame, policy: str) -> None:
    if policy == "error" and len(broken):
        shown = "; ".join(f"{row.file_name!r}: {row.reason}" for row in broken.head(5).itertuples())
        raise ValueError(
            f"{len(broken)} broken image files: {shown}{'; ...' * (len(broken) > 5)}. Replace them, remove them from "
            "the tables of labels, or set dataset.broken to skip"
        )


def select(
    catalogue: pd.DataFrame,
    attributes: Attributes,
    prompt: str,
    *,
    per_group: int,
    reference_per_group: int,
    short_group: str,
    seed: int,
    defect: Callable[[str], str] = lambda _: "",
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """Choose images a group at random, first the experiment's, then a disjoint reference.

    A group that runs short is handled by ``short_group``: ``error``, ``fewer`` (both roles go
    short, the reference first) or ``duplicate`` (the experiment's images repeat within the group).

    Args:
        catalogue: ``file_name`` and ``group`` of the candidates.
        defect: says what is wrong with a file, or nothing. It is asked only of files that are drawn,
            until each group has its number; the next file takes the place of one that it faults.

    Returns:
        The selection, one row an image (``file_name`` unique in a role, ``source``, attributes,
        ``group``, ``text``, ``role``); the table of groups: found (without those at fault), used as
        images, used as reference, missing of each; the files at fault with what is wrong.

    Raises:
        ValueError: a group has no image at all, or runs short under ``error`` (all such groups are
            named); no group has any image left for the reference.
    """
    chosen, counts, defects = [], [], {}
    for name, values in groups(attributes).items():
        group = values | {"group": name}
        found = catalogue.loc[catalogue["group"] == name, "file_name"].sort_values().to_numpy(copy=True)
        order: list[str] = []
        for file_name in np.random.default_rng(seed_of(seed, "select", name)).permutation(found):
            if len(order) == per_group + reference_per_group:
                break
            if fault := defect(file_name):
                defects[file_name] = fault
            else:
                order.append(file_name)
        images, reference = order[:per_group], order[per_group:]
        if short_group == "duplicate":
            images = list(itertools.islice(itertools.cycle(images), per_group))
        counts.append(
            group
            | {"found": len(found) - len(defects.keys() & set(found)), "images": len(images)}
            | {"reference": len(reference), "distinct_images": len(set(images))}
            | {"missing": per_group + reference_per_group - len(order)}
        )
        text = prompt.format_map(group)
        for role, sources in zip(ROLES, (images, reference), strict=True):
            for number, source in enumerate(sources):
                row = {"file_name": f"{name}-{number:04d}.png", "source": source, **group, "text": text, "role": role}
                chosen.append(row)
    short = [count for count in counts if count["found"] == 0 or (count["missing"] and short_group == "error")]
    if short:
        lines = [f"group {count['group']}: {count['found']} images found" for count in short]
        raise ValueError(
            f"{lines[0]}, {per_group} + {reference_per_group} (reference) wanted; add images, lower dataset.per_group "
            "or dataset.reference_per_group"
            + (", or set dataset.short_group to fewer or duplicate" if all(count["found"] for count in short) else "")
            + "".join(f"\n{line}" for line in lines[1:])
        )
    if not any(count["reference"] for count in counts):
        raise ValueError(
            f"no group has more than {per_group} images, so none are left for the scoring reference; add images or "
            "lower dataset.per_group"
        )
    return pd.DataFrame(chosen), pd.DataFrame(counts), defects


class UnreadableError(ValueError):
    """A file that has no one reading as an image; ``reason`` is the message without the path."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason


def open_image(path: Path) -> Image.Image:
    """Read one photograph whole, upright, as 8-bit RGB.

    Raises:
        UnreadableError: the file is missing, empty, damaged, too large to be a photograph (Pillow's limit of
            decompression bombs), or in a mode that has no one reading as 8-bit RGB.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                deep = ";16" in str(file.tile)  # Pillow reads 16-bit RGB as RGB without a word
                file.load()
                image = ImageOps.exif_transpose(file)
    except Exception as error:  # Pillow raises almost anything for a damaged file
        raise UnreadableError(path, f"cannot be read as an image ({error}); replace or remove it") from error
    transparent = "transparency" in image.info
    if image.mode not in READABLE_MODES or transparent or deep:
        raise UnreadableError(
            path,
            f"the mode is {image.mode}{' with transparency' * transparent}{' of 16 bits' * deep}; "
            "convert it to 8-bit RGB first, since there is more than one way to do so",
        )
    return image.convert("RGB")


def read_image(path: Path, size: int) -> np.ndarray:
    """Read one photograph as uint8 RGB (size, size, 3): upright, its centre square, Lanczos-resized.

    Raises:
        UnreadableError: as ``open_image``.
    """
    return np.asarray(ImageOps.fit(open_image(path), (size, size), Image.Resampling.LANCZOS))
