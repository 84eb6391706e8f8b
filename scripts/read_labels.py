"""Read the published labels of the listed images, and check all that the classification needs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import Attributes, run
from scripts.lib.base import csvs
from scripts.lib.base.deepface import check_deepface
from scripts.lib.dataset.catalogue import label
from scripts.lib.dataset.labels import raw_labels, read_recipes
from scripts.lib.experiment.choices import Broken


def main(
    files: Annotated[Path, typer.Option(help="CSV of the image files.")],
    attributes: Attributes,
    recipes: Annotated[str, typer.Option(help="JSON: where each attribute comes from, as dataset.classify.")],
    broken: Annotated[Broken, typer.Option(help="What a missing or empty file does.")],
    output: Annotated[Path, typer.Option(help="CSV to write: FILES with one column per attribute.")],
    weights: Annotated[Path | None, typer.Option(help="Folder of DeepFace's ONNX files, to be checked.")] = None,
    sha256: Annotated[str, typer.Option(help="JSON: SHA-256 of the files by name, where known.")] = "{}",
) -> None:
    """Add the attributes that come from tables; for those that DeepFace finds later, check its files."""
    table = csvs.read(files)
    sources = read_recipes(recipes)
    if weights is not None:
        asked = [recipe.column for recipe in sources.values() if recipe.source == "deepface"]
        check_deepface(weights, asked, json.loads(sha256))
    published = {name: recipe for name, recipe in sources.items() if recipe.source != "deepface"}
    raw = {name: raw_labels(table["file_name"].tolist(), recipe) for name, recipe in published.items()}
    csvs.write(output, label(table, raw, attributes, sources, broken=broken))


if __name__ == "__main__":
    run(main)
