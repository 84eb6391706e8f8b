"""Demographic labels: read as they are published, or found by a classifier, and put into the experiment's words."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scripts.lib.base import csvs


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
        FileNotFoundError: there is no such table or folder.
        ValueError: a column is missing, an image is listed twice, a number fits two files.
    """
    assert recipe.path is not None
    if recipe.source == "ffhq_features":
        return _features(files, recipe.path, recipe.column)
    table = csvs.read_foreign(recipe.path)
    key = next((name for name in ("file_name", "image_number") if name in table), None)
    if missing := [name for name in (key or "file_name or image_number", recipe.column) if name not in table]:
        raise ValueError(f"{recipe.path}: no column {missing}; it has {list(table.columns)}")
    labels = table.set_index(key)[recipe.column]
    if labels.index.has_duplicates:
        twice = labels.index[labels.index.duplicated()][0]
        raise ValueError(f"{recipe.path}: {twice!r} is listed more than once; keep one row")
    if key == "image_number":
        names = {str(number): name for number, name in _numbers(files).items()}
        labels.index = labels.index.map(lambda number: names.get(number.lstrip("0") or "0", number))
    return labels


def translate(raw: pd.Series, values: Sequence[str], recipe: Recipe) -> pd.Series:
    """Put the labels of a source into the attribute's values; missing where an image is not to be used.

    Raises:
        ValueError: a label is outside the map (and ``unmapped`` is ``error``), or not a number where there are cuts.
    """
    if recipe.cuts is not None:
        numbers = pd.to_numeric(raw, errors="coerce")
        if (wrong := raw[~numbers.between(0, 150)]).size:
            raise ValueError(
                f"{recipe.place}: {wrong.index[0]!r} has {wrong.iloc[0]!r}, which is no age between 0 and 150 "
                f"({wrong.size} such rows); correct them"
            )
        bounds = [-1.0, *recipe.cuts, float("inf")]
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


def _numbers(files: Iterable[str]) -> dict[int, str]:
    """Return the files of FFHQ by their number, the stem of the name."""
    found: dict[int, str] = {}
    for name in files:
        stem = Path(name).stem
        if stem.isascii() and stem.isdigit() and found.setdefault(int(stem), name) != name:
            raise ValueError(
                f"dataset.path: image {int(stem)} is there twice, {found[int(stem)]!r} and {name!r}; give the folder "
                "of one of them, such as images1024x1024"
            )
    return found
