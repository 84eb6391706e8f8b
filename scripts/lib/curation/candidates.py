"""The table that steps of curation pass on: which generated images may train, and what was decided of each.

One row per candidate: its ``slot`` and ``group``, where it lies (``images``, an image set below the results' folder,
and ``file_name``), who generated it (``origin``, an arm, ``base`` or another source, and ``iteration``; ``real`` and 0
for the real images, where a step judges them too), and what the step decided: ``score`` and ``threshold`` (blank where
a step has none), ``accepted``, and for a rejected candidate ``instead``, the row of the candidate that takes its slot
(blank: the slot has no generated image).
"""

from collections.abc import Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from scripts.lib.base import imageset
from scripts.lib.experiment.cell import REAL, Cell

IMAGE = ["images", "file_name"]
PLACE = ["slot", "group", "images", "file_name", "origin", "iteration"]
COLUMNS = [*PLACE, "score", "threshold", "accepted", "instead"]
TYPES = {"iteration": int, "score": float, "threshold": float, "accepted": bool}


class Needs(NamedTuple):
    """What a step reads and makes besides the table of candidates.

    Attributes:
        reward: the kind of per-image score that it reads, of each candidate.
        first_batch: whether it also reads that score of the base model's images.
        real: whether it reads the real images.
        judges_real: whether the real images are candidates too, each for its own slot.
        rewrites: whether it writes new images in the place of the candidates.
        candidates: how many images per slot each model makes for it; it leaves one of them.
        model: whether it loads the base model, for rewriting images.
    """

    reward: str | None = None
    first_batch: bool = False
    real: bool = False
    judges_real: bool = False
    rewrites: bool = False
    candidates: int = 1
    model: bool = False


class Kept(NamedTuple):
    """The shares of generated and of real images that a step keeps in their own slots."""

    generated: float
    real: float = 1.0

    def share_after(self, share: float) -> float:
        """Return what a share s of generated images becomes: s g / (s g + (1 - s) r); NaN where nothing is left.

        Under a detector, g = 1 - TPR and r = 1 - FPR.
        """
        generated, real = share * self.generated, (1 - share) * self.real
        return generated / (generated + real) if generated + real else nan


class Inputs(NamedTuple):
    """What a step is given of what it needs; the rest is None.

    Attributes:
        root: the results' folder, below which the candidates' image sets lie.
        scores: the reward of each candidate, in the order of the table.
        first_batch: the reward of each of the base model's images.
        real: the image set of the real images.
        model: the folder of the base model.
        seed: for random choices; equal for equal slots in all arms.
    """

    root: Path
    seed: int
    scores: pd.Series | None = None
    first_batch: pd.Series | None = None
    real: Path | None = None
    model: Path | None = None


class Curated(NamedTuple):
    """What a step makes.

    Attributes:
        table: the decisions, one row per candidate, with further columns if the step has any. A step that rewrites
            images gets each image once, and nothing takes the slot of one that it rejects.
        added: columns for the metadata of rewritten images.
        images: the rewritten images, one per candidate, uint8 (height, width, 3); None where a step rewrites none.
    """

    table: pd.DataFrame
    added: Mapping[str, Any] | None = None
    images: Any = None


def of_sets(paths: Sequence[Path], root: Path) -> pd.DataFrame:
    """Return all images of image sets as candidates: the image of a name is one for the slot of that name.

    Args:
        paths: generated image sets, each in the folder of the cell that made it, or of another source in `sources`.
        root: the results' folder.
    """
    parts = []
    for path in paths:
        metadata = imageset.read_metadata(path)
        table = metadata[["file_name", "group"]].assign(slot=metadata["file_name"])
        images = path.relative_to(root).as_posix()
        origin, iteration = _made_by(path)
        parts.append(table.assign(images=images, origin=origin, iteration=iteration))
    return pd.concat(parts, ignore_index=True)[PLACE]


def _made_by(path: Path) -> tuple[str, int]:
    """Return who made an image set: an arm and its iteration, or the source of its name and 0."""
    if path.parent.name == "sources":
        return path.stem, 0
    cell = Cell.from_path(path)
    return cell.arm, cell.iteration


def of_real(path: Path, root: Path) -> pd.DataFrame:
    """Return all real images as candidates, each for its own slot.

    Args:
        path: the image set of the real images.
        root: the results' folder.
    """
    table = imageset.read_metadata(path)[["file_name", "group"]]
    images = path.relative_to(root).as_posix()
    return table.assign(slot=table["file_name"], images=images, origin=REAL, iteration=0)[PLACE]


def is_real(table: pd.DataFrame) -> pd.Series:
    """Return which images are real ones: those of an arm of the name ``real`` have iterations from 1."""
    return (table["origin"] == REAL) & (table["iteration"] == 0)


def decided(table: pd.DataFrame, accepted: Any = True, *, score: Any = None, threshold: Any = None) -> pd.DataFrame:
    """Return candidates with a decision on each; nothing takes the slot of a rejected one yet."""
    return table[PLACE].assign(score=score, threshold=threshold, accepted=accepted, instead="")[COLUMNS]


def names_in_one_set(images: pd.DataFrame) -> pd.Series:
    """Return file names for one set of these images: their own, below the set that they come from where two are equal.

    Args:
        images: columns ``IMAGE``, one row per image.
    """
    own = images["file_name"]
    return own if own.is_unique else images["images"].str.removesuffix(".zip") + "/" + own


def in_slots(decisions: pd.DataFrame, slots: pd.DataFrame, rewritten: str) -> pd.DataFrame:
    """Return what was decided of each rewritten image as a row for each slot that has it.

    Args:
        decisions: one row per image, named as before it was rewritten.
        slots: the candidates, one row per slot.
        rewritten: the image set in which they lie now, as a path below the results' folder.
    """
    known = decisions.drop(columns=["slot", "group", "origin", "iteration"]).assign(name=names_in_one_set(decisions))
    rows = slots.merge(known, on=IMAGE, how="left", validate="many_to_one")
    return rows.assign(images=rewritten, file_name=rows["name"])[COLUMNS]


def chosen(table: pd.DataFrame) -> pd.DataFrame:
    """Return the generated images that may train after a step, columns ``PLACE``, in the table's order."""
    own = table.loc[table["accepted"], PLACE]
    given = table[table["instead"] != ""]
    instead = table.loc[given["instead"].astype(int), PLACE].set_index(given.index)
    left = pd.concat([own, instead.assign(slot=given["slot"])]).sort_index()
    return left[~is_real(left)].reset_index(drop=True)


def rejected_real(table: pd.DataFrame) -> set[str]:
    """Return the slots whose real image a step has rejected."""
    return set(table.loc[~table["accepted"] & is_real(table), "slot"])
