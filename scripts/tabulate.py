"""Gather the scores of all cells into one tidy table, and their means over replicates."""

import json
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import run
from scripts.lib.base import csvs
from scripts.lib.experiment.cell import FLOOR, Cell
from scripts.lib.scoring.replicates import over_replicates

IMAGES = ("generated", "unseen")
COLUMNS = ["arm", "replicate", "iteration", "images", "group", "features", "metric", "value", "n"]


def main(
    scores: Annotated[list[Path], typer.Argument(help="scores.json of the cells; their folders name the cells.")],
    floor: Annotated[Path, typer.Option(help="scores.json of the real images against the reference.")],
    output: Annotated[Path, typer.Option(help="CSV to write: one row per metric, feature space, group and cell.")],
    means: Annotated[Path, typer.Option(help="CSV to write: mean and 95 % interval over replicates.")],
) -> None:
    """Write one row per metric, feature space, group and cell; the real images' own scores are the arm `floor`."""
    rows = _rows(floor, {"arm": FLOOR, "replicate": 0, "iteration": 0})
    for path in scores:
        rows += _rows(path, Cell.from_path(path)._asdict())
    table = pd.DataFrame(rows)[COLUMNS]
    for path, content in ((output, table), (means, over_replicates(table))):
        csvs.write(path, content)


def _rows(path: Path, cell: dict) -> list[dict]:
    content = json.loads(path.read_text())
    return [{**cell, "images": images, **row} for images in IMAGES for row in content.get(images, [])]


if __name__ == "__main__":
    run(main)
