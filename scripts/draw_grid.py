"""Draw the same few images in every arm and iteration."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import Arms, run
from scripts.lib.base import imageset
from scripts.lib.experiment.arms import Arm, read_arms
from scripts.lib.experiment.cell import Cell, base_label
from scripts.lib.figures.images import Panel, draw_panels, iteration_panels, spread, title_of
from scripts.lib.figures.looks import row_label
from scripts.lib.figures.style import save


def main(
    generated: Annotated[list[Path], typer.Argument(help="generated.zip of the cells; their folders name the cells.")],
    real: Annotated[Path, typer.Option(help="Image set of the real images.")],
    arms: Arms,
    images: Annotated[
        int, typer.Option(help="Images a cell: the first slots of groups that are evenly spaced.", min=1)
    ],
    output: Annotated[list[Path], typer.Option(help="Figure to write: .png, .svg or .pdf. Repeat it.")],
    unseen: Annotated[
        list[Path] | None, typer.Option(help="unseen.zip of a base model, or an arm's last cell. Repeat it.")
    ] = None,
) -> None:
    """Draw one row per arm and one column per iteration; below, if given, the unseen prompts by the last models."""
    named = read_arms(arms)
    names = spread(imageset.read_metadata(real), images)["file_name"]
    cells = {Cell.from_path(path): imageset.read_images(path, names) for path in generated}
    by_iteration = {(cell.arm, cell.iteration): cell_images for cell, cell_images in cells.items() if not cell.is_base}
    bases = {base_label(cell.arm): cell_images for cell, cell_images in cells.items() if cell.is_base}
    start = Panel(
        "",
        ["real images", *bases],
        {"where all\narms start": [imageset.read_images(real, names), *bases.values()]},
    )

    panels = [start, *iteration_panels(named, by_iteration), *([_last(unseen, named, images)] if unseen else [])]
    figure = draw_panels(panels)
    for path in output:
        save(figure, path)


def _last(unseen: list[Path], arms: dict[str, Arm], images: int) -> Panel:
    """Return what each arm's last model makes of the unseen prompts."""
    prompts = imageset.read_metadata(unseen[0]).groupby("group", sort=False).head(images).groupby("group", sort=False)
    last = {
        Cell.from_path(path): [imageset.read_images(path, rows["file_name"]) for _, rows in prompts] for path in unseen
    }
    labels = {cell: base_label(cell.arm) if cell.is_base else row_label(cell.arm, arms[cell.arm]) for cell in last}
    return Panel(
        "unseen prompts,\nlast iteration",
        [title_of(rows["text"].iloc[0]) for _, rows in prompts],
        {labels[cell]: rows for cell, rows in last.items()},
    )


if __name__ == "__main__":
    run(main)
