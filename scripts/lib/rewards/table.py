"""A score from a table of your own, such as the output of a detector of generated images or the votes of people."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from scripts.lib.dataset import label_table
from scripts.lib.experiment.config.section import InputPath, Section

PLACE = ["images", "file_name"]


class Settings(Section):
    """A score from a table of your own, such as the output of a detector of generated images or the votes of people.

    A job that finds no row for one of its images stops and says so. Score that image set, add the rows, and run again.
    """

    path: InputPath = Field(
        description="A CSV in UTF-8 with one row per image: `images`, its image set below the results' folder, such as "
        "`poison-25/seed-0/iteration-1/generated.zip` or `dataset/images.zip`, `file_name`, and the score."
    )
    column: str = Field("score", description="The column of the score.")


def check(settings: Settings, attributes: Mapping[str, Sequence[str]]) -> None:
    """Refuse a table that a later job would fail on, whatever rows it still lacks.

    Raises:
        ValueError: it is missing, lacks a column, names an image twice, or has a score that is no number.
    """
    _read(Path(settings.path), settings.column)


def identity(settings: Settings, images: str) -> str:
    """Return what identifies the rows of an image set, so that rows of others make no finished job due.

    Args:
        settings: which table and column.
        images: the image set below the results' folder.
    """
    rows = _scores(settings, images)
    return hashlib.sha256(repr(rows.to_dict()).encode()).hexdigest()[:16]


def reward(metadata: pd.DataFrame, images: np.ndarray, settings: Settings, real: Path, batch_size: int) -> np.ndarray:
    """Return the score of each image.

    Args:
        metadata: the table of the image set; ``images`` is its path below the results' folder.
        images, real, batch_size: not read.
        settings: which table and column.

    Raises:
        ValueError: an image has no row.
    """
    name = metadata["images"].iloc[0]
    scores = metadata["file_name"].map(_scores(settings, name))
    if len(missing := metadata["file_name"][scores.isna()]):
        raise ValueError(
            f"{settings.path}: no row for {len(missing)} images of {name}, the first of which is {missing.iloc[0]}; "
            f"score that image set, add its rows ({', '.join([*PLACE, settings.column])}), and run again"
        )
    return scores.to_numpy()


def _scores(settings: Settings, images: str) -> pd.Series:
    """Return the scores of an image set by file name."""
    table = _read(Path(settings.path), settings.column)
    return table[table["images"] == images].set_index("file_name")["score"]


@cache
def _read(path: Path, column: str) -> pd.DataFrame:
    """Return the columns ``images, file_name, score`` of a table."""
    if not path.is_file():
        raise ValueError(
            f"rewards.table.path: {path}: no such file; write a CSV with the columns {', '.join([*PLACE, column])}, to "
            "begin with the first line alone"
        )
    _, table = label_table.columns(path, ["file_name"], ["images", column])
    if len(twice := table[table.duplicated(PLACE)]):
        raise ValueError(f"{path}: {' of '.join(twice.iloc[0][PLACE[::-1]])} has more than one row; remove all but one")
    scores = pd.to_numeric(table[column], errors="coerce")
    if len(wrong := table[~np.isfinite(scores)]):
        file, value = wrong.iloc[0][["file_name", column]]
        raise ValueError(f"{path}, {column}: {file} has {value!r}, which is no finite number; correct it")
    return table[PLACE].assign(score=scores)
