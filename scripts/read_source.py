"""Read a folder of images that an arm trains on, such as another generator's, into an image set."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import Attributes, run
from scripts.lib.base import imageset
from scripts.lib.dataset import files
from scripts.lib.dataset.catalogue import grouped, label
from scripts.lib.dataset.labels import Recipe, raw_labels
from scripts.lib.dataset.photographs import defect_of, read_image
from scripts.lib.dataset.selection import refuse, select
from scripts.lib.experiment.choices import Broken, ShortGroup


def main(
    folder: Annotated[Path, typer.Option(help="Where the images are, at any depth.")],
    labels: Annotated[Path, typer.Option(help="CSV with the column file_name and a column for each attribute.")],
    attributes: Attributes,
    prompt: Annotated[str, typer.Option(help="Template of the prompts, attributes in braces.")],
    per_group: Annotated[int, typer.Option(help="Images per group, one for each slot.", min=1)],
    short_group: Annotated[ShortGroup, typer.Option(help="What a group with too few images does.")],
    broken: Annotated[Broken, typer.Option(help="What a file that cannot be read does.")],
    size: Annotated[int, typer.Option(help="Edge of the square images in pixels.", min=1)],
    seed: Annotated[int, typer.Option(help="Seed of the choice.")],
    output: Annotated[Path, typer.Option(help="Image set to write.")],
) -> None:
    """Choose PER_GROUP images of each group at random, and give them the slots of the group."""

    listed = files.list_images(folder)
    recipes = {name: Recipe("csv", name, labels) for name in attributes}
    raw = {name: raw_labels(listed["file_name"].tolist(), recipe) for name, recipe in recipes.items()}
    table = grouped(label(listed, raw, attributes, recipes, broken=broken), attributes)
    chosen, counts, defects = select(
        table,
        attributes,
        prompt,
        per_group=per_group,
        reference="matched",
        reference_per_group=per_group,
        short_group=short_group,
        seed=seed,
        defect=lambda name: defect_of(folder / name),
    )
    unused = table[table["excluded"] != ""]
    faults = table[table["file_name"].isin(defects)]
    faults = faults.assign(excluded="broken", reason=faults["file_name"].map(defects))
    try:
        refuse(counts, pd.concat([unused, faults]), short_group=short_group, broken=broken)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error
    mine = chosen[chosen["role"] == "images"].drop(columns="role")
    imageset.write(output, mine, (read_image(folder / name, size) for name in mine["source"]))


if __name__ == "__main__":
    run(main)
