"""List the real images that there are, with their labels."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import Attributes, run
from scripts.lib.base import csvs
from scripts.lib.dataset.catalogue import catalogue_avatars, grouped, label, mark_unreadable
from scripts.lib.dataset.labels import read_recipes
from scripts.lib.experiment.choices import Broken, Source


def main(
    source: Annotated[Source, typer.Option(help="Drawn avatars, or a folder of images with labels.")],
    attributes: Attributes,
    output: Annotated[
        Path, typer.Option(help="CSV to write: file_name, one column per attribute, group, excluded, reason.")
    ],
    per_group: Annotated[int, typer.Option(help="avatars: how many of each group to list.", min=1)] = 60,
    labels: Annotated[Path | None, typer.Option(help="folder: CSV of the files and their published labels.")] = None,
    classified: Annotated[list[Path] | None, typer.Option(help="folder: CSV of a shard of classified files.")] = None,
    recipes: Annotated[
        str, typer.Option(help="folder: JSON: where each attribute comes from, as dataset.classify.")
    ] = "{}",
    broken: Annotated[Broken, typer.Option(help="folder: what a file that cannot be read does.")] = "error",
) -> None:
    """List every candidate image with its attributes and its demographic group, and what is excluded."""
    if source == "avatars":
        # Only who draws avatars needs the drawing packages.
        from scripts.lib.dataset.avatars import ATTRIBUTES

        table = catalogue_avatars(attributes, ATTRIBUTES, per_group)
    elif labels:
        sources = read_recipes(recipes)
        table = csvs.read(labels)
        if classified:
            found = pd.concat(map(csvs.read, classified))
            table = mark_unreadable(table, found)
            read = found[found["reason"] == ""].set_index("file_name")
            asked = {name: recipe.column for name, recipe in sources.items() if recipe.source == "deepface"}
            raw = {name: read[column] for name, column in asked.items()}
            table = label(table, raw, attributes, sources, broken=broken)
        table = grouped(table, attributes)
    else:
        raise typer.BadParameter("`--source folder` needs --labels")
    csvs.write(output, table)


if __name__ == "__main__":
    run(main)
