"""Draw the same few images in every arm and iteration."""

import json
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import run
from scripts.lib import figures, imageset
from scripts.lib.cell import BASE, Cell


def main(
    generated: Annotated[list[Path], typer.Argument(help="generated.zip of the cells; their folders name the cells.")],
    unseen: Annotated[list[Path], typer.Option(help="unseen.zip of the base model, or an arm's last cell. Repeat it.")],
    real: Annotated[Path, typer.Option(help="Image set of the real images.")],
    arms: Annotated[str, typer.Option(help="JSON: name to synthetic, control, parent and from_iteration.")],
    group: Annotated[str, typer.Option(help='Group to show: \'{"gender": "woman", "age": "old"}\'.')],
    images: Annotated[int, typer.Option(help="Images a cell.", min=1)],
    output: Annotated[list[Path], typer.Option(help="Figure to write: .png, .svg or .pdf. Repeat it.")],
) -> None:
    """Draw a row an arm and a column an iteration; below, what each arm's last model makes of the unseen prompts."""
    named = figures.read_arms(arms)
    wanted = json.loads(group)
    table = imageset.read_metadata(real)
    member = (table[list(wanted)].astype(str) == pd.Series(wanted)).all(axis=1)
    names = table.loc[member, "file_name"].head(images)
    cells = {Cell.from_path(path): imageset.read_images(path, names) for path in generated}
    by_iteration = {(cell.arm, cell.iteration): cell_images for cell, cell_images in cells.items()}
    start = figures.Panel(
        "",
        ["real images", "base model"],
        {"\n".join(wanted.values()): [imageset.read_images(real, names), by_iteration.pop((BASE, 0))]},
    )

    prompts = imageset.read_metadata(unseen[0]).groupby("group", sort=False).head(images).groupby("group", sort=False)
    last = {
        Cell.from_path(path).arm: [imageset.read_images(path, rows["file_name"]) for _, rows in prompts]
        for path in unseen
    }
    labels = {BASE: "base model"} | {name: figures.row_label(name, arm) for name, arm in named.items()}
    end = figures.Panel(
        "unseen prompts,\nlast iteration",
        [rows["text"].iloc[0] for _, rows in prompts],
        {labels[name]: last[name] for name in labels if name in last},
    )

    figure = figures.draw_grid([start, *figures.iteration_panels(named, by_iteration), end])
    for path in output:
        figures.save(figure, path)


if __name__ == "__main__":
    run(main)
