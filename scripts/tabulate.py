"""Gather the scores of all cells into one tidy table, and their means over replicates."""

import json
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import run
from scripts.lib.base import csvs
from scripts.lib.experiment.cell import FLOOR, Cell, replicate_of
from scripts.lib.scoring.replicates import over_replicates

IMAGES = ("generated", "unseen")
CELL = ["arm", "replicate", "iteration", "images", "group", "features", "metric"]
COLUMNS = [*CELL, "value", "n", "low_images", "high_images"]


def main(
    scores: Annotated[list[Path], typer.Argument(help="scores.json of the cells; their folders name the cells.")],
    floor: Annotated[
        list[Path],
        typer.Option(help="scores.json of real images against the reference; its folder may name a replicate."),
    ],
    output: Annotated[Path, typer.Option(help="CSV to write: one row per metric, feature space, group and cell.")],
    means: Annotated[Path, typer.Option(help="CSV to write: mean, 95 % intervals over replicates and over images.")],
    absent: Annotated[Path, typer.Option(help="CSV to write: the scores that cannot be computed, and why.")],
) -> None:
    """Write one row per metric, feature space, group and cell; the real images' own scores are the arm `floor`."""
    cells = [(path, {"arm": FLOOR, "replicate": replicate_of(path), "iteration": 0}) for path in floor]
    cells += [(path, Cell.from_path(path)._asdict()) for path in scores]
    found: list[dict] = []
    missing: list[dict] = []
    for path, cell in cells:
        content = json.loads(path.read_text())
        found += _rows(content, cell)
        missing += _rows(content["absent"], cell)
    table = pd.DataFrame(found)[COLUMNS].astype({"low_images": float, "high_images": float})
    csvs.write(output, table)
    csvs.write(means, over_replicates(table))
    csvs.write(absent, pd.DataFrame(missing, columns=[*CELL, "reason"]))


def _rows(sets: dict, cell: dict) -> list[dict]:
    return [{**cell, "images": images, **row} for images in IMAGES for row in sets.get(images, [])]


if __name__ == "__main__":
    run(main)
