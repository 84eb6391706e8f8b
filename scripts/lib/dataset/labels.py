"""Demographic labels: read as they are published, or found by a classifier, and put into the experiment's words."""

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scripts.lib.dataset import label_table
from scripts.lib.dataset.files import match_names

MAX = sys.float_info.max


@dataclass(frozen=True)
class Recipe:
    """Where an attribute's values come from: one attribute of ``dataset.classify`` in the configuration."""

    source: str
    column: str
    path: Path | None = None
    map: Mapping[str, str] | None = None
    cuts: Sequence[float] | None = None
    unmapped: str = "error"

    @property
    def place(self) -> str:
        return f"{self.path or 'DeepFace'}, {self.column}"


def read_recipes(text: str) -> dict[str, Recipe]:
    """Return the recipes of the attributes that a JSON text describes, as the command lines get them."""
    parts = json.loads(text)
    return {name: Recipe(**part | {"path": part["path"] and Path(part["path"])}) for name, part in parts.items()}


def raw_labels(files: Sequence[str], recipe: Recipe) -> pd.Series:
    """Read one column of a table of labels, or one key of a folder of JSON files, as text.

    Returns:
        The labels by file name: those of ``files`` that have one, and, from a CSV, those that are
        not among ``files``, by the name or number that the CSV gives them.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: the table is not well formed or lacks a column, an image is listed twice, a number fits two files.
    """
    assert recipe.path is not None
    if recipe.source == "ffhq_features":
        return _features(files, recipe.path, recipe.column)
    key, labels = label_table.read(recipe.path, recipe.column)
    if key == "image_number":
        meant = _named(labels.index, files, recipe.path)
    else:
        matched = match_names(labels.index, files)
        meant = pd.Index([matched.get(name, name) for name in labels.index], dtype=object)
    if meant.has_duplicates:
        twice = meant[meant.duplicated()][0]
        rows = ", ".join(repr(name) for name in labels.index[meant == twice])
        raise ValueError(f"{recipe.path}: {twice!r} is listed more than once, as {rows}; keep one row")
    return labels.set_axis(meant)


def translate(raw: pd.Series, values: Sequence[str], recipe: Recipe) -> pd.Series:
    """Put the labels of a source into the attribute's values; missing where an image is not to be used.

    Raises:
        ValueError: a label is outside the map (and ``unmapped`` is ``error``), or where there are cuts not a finite
            number, or in a column ``age`` not one between 0 and 150.
    """
    if recipe.cuts is not None:
        numbers = pd.to_numeric(raw, errors="coerce")
        low, high, what = (0.0, 150.0, "age between 0 and 150") if recipe.column == "age" else (-MAX, MAX, "number")
        if (wrong := raw[~numbers.between(low, high)]).size:
            raise ValueError(
                f"{recipe.place}: {wrong.index[0]!r} has {recipe.column} {wrong.iloc[0]!r}, which is no {what} "
                f"({wrong.size} such rows); correct them"
            )
        bounds = [-math.inf, *recipe.cuts, math.inf]
        return pd.cut(numbers, bounds, right=False, labels=list(values)).astype(object)
    names = recipe.map if recipe.map is not None else {value: value for value in values}
    translated = raw.map(names)
    if recipe.unmapped == "error" and (wrong := raw[translated.isna()]).size:
        raise ValueError(
            f"{recipe.place}: {wrong.index[0]!r} has {recipe.column} {wrong.iloc[0]!r}, which is none of "
            f"{list(names)} ({wrong.size} such rows); name it in dataset.classify or dataset.attributes, correct the "
            "table, or set `unmapped: drop`"
        )
    return translated


def _features(files: Sequence[str], folder: Path, key: str) -> pd.Series:
    """Read one key of ``NNNNN.json``, the list of the faces of an image; the largest face is the image's."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of ffhq-features JSON files; correct `path`")
    labels = {}
    for number, name in _numbers(files).items():
        path = folder / f"{number:05d}.json"
        if path.is_file():
            try:
                faces = json.loads(path.read_text(encoding="utf-8"))
                if faces:  # none was found on some images
                    face = max(faces, key=lambda face: face["faceRectangle"]["width"] * face["faceRectangle"]["height"])
                    labels[name] = str(face["faceAttributes"][key])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"{path}: not a face list of ffhq-features with {key!r} in faceAttributes ({error!r}); replace the "
                    "file or correct `column`"
                ) from error
    if not labels:
        raise ValueError(f"{folder}: has no NNNNN.json with a face for any of the {len(files)} images; correct `path`")
    return pd.Series(labels, dtype=object)


def _named(numbers: Iterable[str], files: Sequence[str], table: Path) -> pd.Index:
    """Return the file of each ``image_number``, and the number itself where there is none."""
    known = _numbers(files)
    if not known:
        raise ValueError(
            f"{table}: has image_number, but no file of dataset.path has a number for a name (00007.png or, as "
            f"StyleGAN's dataset_tool writes it, img00000007.png); the first is {next(iter(files), '')!r}. Use a table "
            "with file_name"
        )
    names = {str(number): name for number, name in known.items()}
    # A spreadsheet or pandas writes 7 as 7.0 in a column with a gap.
    plain = [re.sub(r"^0+(?=\d)", "", re.sub(r"\.0*$", "", number)) for number in numbers]
    return pd.Index([names.get(number, number) for number in plain], dtype=object)


def _numbers(files: Iterable[str]) -> dict[int, str]:
    """Return the files of FFHQ by their number: the stem of the name, also as StyleGAN's ``img00000007``."""
    found: dict[int, str] = {}
    for name in files:
        match = re.fullmatch(r"(?:img)?([0-9]+)", Path(name).stem)
        if match and found.setdefault(int(match[1]), name) != name:
            number = int(match[1])
            raise ValueError(
                f"dataset.path: image {number} exists twice, {found[number]!r} and {name!r}; give the folder "
                "of one of them, such as images1024x1024"
            )
    return found
