"""The unit of the experiment, and its name in paths."""

import re
from pathlib import Path
from typing import NamedTuple, Self

BASE = "base"
REAL = "real"  # In training sets: the origin of a real image.
# In the table of scores: the arm whose images are the real ones, and the group of all images.
FLOOR, ALL = "floor", "all"
# Who made a real image, in the table of a training set; an arm's image, also of an arm of this name, has an iteration.
REAL = "real"
OF_REPLICATE = re.compile(r"/seed-(\d+)/[^/]+$")
IN_PATH = re.compile(r"(?P<arm>[^/]+)/seed-(?P<replicate>\d+)/iteration-(?P<iteration>\d+)/[^/]+$")


def base_label(name: str) -> str:
    """Return what people read for a base model."""
    return "base model" if name == BASE else f"base model {name}"


class Cell(NamedTuple):
    """One model and its images: an arm, a replicate and an iteration.

    Iteration 0 is a base model's, and its "arm" the model's name: ``base``, or a name of `models`.
    """

    arm: str
    replicate: int
    iteration: int

    @property
    def is_base(self) -> bool:
        """Whether the model is a base model."""
        return self.iteration == 0

    def __str__(self) -> str:
        return f"{self.arm}/seed-{self.replicate}/iteration-{self.iteration}"

    @classmethod
    def from_path(cls, path: Path) -> Self:
        """Return the cell whose folder holds the file ``path``.

        Raises:
            ValueError: the path does not end in ``<arm>/seed-<replicate>/iteration-<iteration>/<file>``.
        """
        match = IN_PATH.search(path.as_posix())
        if match is None:
            raise ValueError(f"{path}: not a file of a cell, <arm>/seed-<replicate>/iteration-<iteration>/<file>")
        return cls(match["arm"], int(match["replicate"]), int(match["iteration"]))


def replicate_of(path: Path) -> int:
    """Return the replicate whose real images the folder of a file has; 0 where all replicates share them."""
    match = OF_REPLICATE.search(path.as_posix())
    return int(match[1]) if match else 0
