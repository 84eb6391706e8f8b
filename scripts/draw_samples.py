"""Draw the same images of a few groups from several image sets."""

import json
from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base import imageset
from scripts.lib.figures.images import MOST_ROWS, Panel, draw_panels, slots, spaced, title_of
from scripts.lib.figures.style import save


def main(
    sets: Annotated[list[Path], typer.Argument(help="Image sets, a row each; of more than 16, 16 evenly spaced.")],
    label: Annotated[list[str], typer.Option(help="Label of a row, in the order of the sets. Repeat it.")],
    real: Annotated[Path, typer.Option(help="Image set of the real images: its table names the slots.")],
    groups: Annotated[int, typer.Option(help="Groups to show, evenly spaced in the order of the set.", min=1)],
    images: Annotated[int, typer.Option(help="Images of each group: its first slots.", min=1)],
    output: Annotated[list[Path], typer.Option(help="Figure to write: .png, .svg or .pdf. Repeat it.")],
    group: Annotated[str, typer.Option(help='Only groups like this: \'{"gender": "woman"}\'.')] = "{}",
) -> None:
    """Draw one row per set and one column per group; one column shows the same slots everywhere."""
    table = slots(imageset.read_metadata(real), json.loads(group))
    chosen = [table[table["group"] == name].head(images) for name in spaced(list(table["group"].unique()), groups)]
    rows = {
        name: [imageset.read_images(path, column["file_name"]) for column in chosen]
        for name, path in spaced(list(zip(label, sets, strict=True)), MOST_ROWS)
    }
    figure = draw_panels([Panel("", [title_of(column["text"].iloc[0]) for column in chosen], rows)])
    for path in output:
        save(figure, path)


if __name__ == "__main__":
    run(main)
