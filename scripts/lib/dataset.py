"""Real images: what there is, which are used, and how they are read (paper, section 2.1)."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from scripts.lib.seeds import seed_of

Attributes = Mapping[str, Sequence[str]]
ROLES = ("images", "reference")
READABLE_MODES = {"RGB", "L", "P", "1"}


def groups(attributes: Attributes) -> pd.DataFrame:
    """Return one row a demographic group: a column an attribute and the group's name, e.g. ``man-dark-old``.

    Raises:
        ValueError: two groups would have one name.
    """
    table = pd.DataFrame(itertools.product(*attributes.values()), columns=list(attributes))
    table["group"] = table.agg("-".join, axis=1).str.replace(" ", "_")
    if table["group"].duplicated().any():
        name = table.loc[table["group"].duplicated(), "group"].iloc[0]
        raise ValueError(f"dataset.attributes: two groups would both be called {name!r}; rename one of their values")
    return table


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
    table = groups(attributes).merge(pd.DataFrame({"number": range(per_group)}), how="cross")
    table.insert(0, "file_name", table["group"] + "-" + table.pop("number").map("{:04d}".format) + ".png")
    return table


def catalogue_folder(folder: Path, labels: Path, attributes: Attributes) -> pd.DataFrame:
    """List the labelled images of a folder.

    Rows whose attributes are outside the experiment's values are an error, not a silent loss.

    Raises:
        ValueError: columns are missing, a file name occurs twice, a label is unknown.
        FileNotFoundError: the table names a file that the folder does not hold.
    """
    table = pd.read_csv(labels, dtype=str, keep_default_na=False)
    if missing := [column for column in ("file_name", *attributes) if column not in table]:
        raise ValueError(f"{labels}: no column {missing}; it has {list(table.columns)}")
    table = table[["file_name", *attributes]]
    if table["file_name"].duplicated().any():
        twice = table.loc[table["file_name"].duplicated(), "file_name"].iloc[0]
        raise ValueError(f"{labels}: {twice!r} is listed more than once; keep one row")
    for name, values in attributes.items():
        unknown = table.loc[~table[name].isin(values)]
        if len(unknown):
            row = unknown.iloc[0]
            raise ValueError(
                f"{labels}: {row['file_name']!r} has {name} {row[name]!r}, which is none of {list(values)} "
                f"({len(unknown)} such rows); add it to dataset.attributes.{name} or correct the table"
            )
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    if absent := sorted(set(table["file_name"]) - present):
        raise FileNotFoundError(
            f"{labels}: {absent[0]!r} is not in the folder {folder} ({len(absent)} such rows); correct dataset.path "
            "or remove the rows"
        )
    return table.merge(groups(attributes), on=list(attributes))


def select(
    catalogue: pd.DataFrame,
    attributes: Attributes,
    prompt: str,
    *,
    per_group: int,
    reference_per_group: int,
    short_group: str,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Choose images a group at random, first the experiment's, then a disjoint reference.

    A group that runs short is handled by ``short_group``: ``error``, ``fewer`` (both roles go
    short, the reference first) or ``duplicate`` (the experiment's images repeat within the group).

    Returns:
        The selection, one row an image (``file_name`` unique in a role, ``source``, attributes,
        ``group``, ``text``, ``role``), and the table of groups: found, used as images, used as
        reference, missing of each.

    Raises:
        ValueError: a group has no image at all, or runs short under ``error``; no group has any image
            left for the reference.
    """
    chosen, counts = [], []
    for group in groups(attributes).to_dict("records"):
        name = group["group"]
        found = catalogue.loc[catalogue["group"] == name, "file_name"].sort_values().to_numpy(copy=True)
        order = np.random.default_rng(seed_of(seed, "select", name)).permutation(found)
        images, reference = order[:per_group], order[per_group : per_group + reference_per_group]
        missing = per_group + reference_per_group - len(found)
        if len(found) == 0 or (missing > 0 and short_group == "error"):
            raise ValueError(
                f"group {name}: {len(found)} images found, {per_group} + {reference_per_group} (reference) wanted; "
                "add images, lower dataset.per_group or dataset.reference_per_group"
                + ("" if len(found) == 0 else ", or set dataset.short_group to fewer or duplicate")
            )
        if short_group == "duplicate":
            images = np.resize(images, per_group)
        counts.append(
            group
            | {"found": len(found), "images": len(images), "reference": len(reference)}
            | {"distinct_images": len(set(images)), "missing": max(missing, 0)}
        )
        text = prompt.format_map(group)
        for role, sources in zip(ROLES, (images, reference), strict=True):
            for number, source in enumerate(sources):
                row = {"file_name": f"{name}-{number:04d}.png", "source": source, **group, "text": text, "role": role}
                chosen.append(row)
    if not any(count["reference"] for count in counts):
        raise ValueError(
            f"no group has more than {per_group} images, so none are left for the scoring reference; add images or "
            "lower dataset.per_group"
        )
    return pd.DataFrame(chosen), pd.DataFrame(counts)


def read_image(path: Path, size: int) -> np.ndarray:
    """Read one photograph as uint8 RGB (size, size, 3): upright, its centre square, Lanczos-resized.

    Raises:
        ValueError: the file is empty, unreadable, or in a mode that has no one reading as 8-bit RGB.
    """
    try:
        with Image.open(path) as file:
            deep = ";16" in str(file.tile)  # Pillow reads 16-bit RGB as RGB without a word
            file.load()
            image = ImageOps.exif_transpose(file)
    except Exception as error:  # Pillow raises almost anything for a damaged file
        raise ValueError(f"{path}: cannot be read as an image ({error}); replace or remove it") from error
    transparent = "transparency" in image.info
    if image.mode not in READABLE_MODES or transparent or deep:
        raise ValueError(
            f"{path}: the mode is {image.mode}{' with transparency' * transparent}{' of 16 bits' * deep}; "
            "convert it to 8-bit RGB first, since there is more than one way to do so"
        )
    return np.asarray(ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.LANCZOS))
