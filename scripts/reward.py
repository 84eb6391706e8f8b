"""Score each image of a set, for the steps of curation that choose by a score."""

import json
from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base import csvs, imageset
from scripts.lib.base.kinds import kinds
from scripts.lib.engines.precision import set_tf32


def main(
    images: Annotated[Path, typer.Option(help="Image set to score.")],
    kind: Annotated[str, typer.Option(help="Which score: the name of a file of scripts/lib/rewards.")],
    settings: Annotated[str, typer.Option(help="JSON: the settings of the score.")],
    real: Annotated[Path, typer.Option(help="Image set of the real images; equal file names correspond.")],
    root: Annotated[Path, typer.Option(help="Folder of the results; the table names the image set by its path in it.")],
    batch_size: Annotated[int, typer.Option(help="Images per batch.", min=1)],
    output: Annotated[Path, typer.Option(help="CSV to write: images, file_name, score.")],
) -> None:
    """Write one row per image."""
    set_tf32(False)
    reward = kinds("rewards")[kind]
    metadata, pixels = imageset.read(images)
    table = metadata.assign(images=images.relative_to(root).as_posix())
    table["score"] = reward.reward(table, pixels, reward.Settings(**json.loads(settings)), real, batch_size)
    csvs.write(output, table[["images", "file_name", "score"]])


if __name__ == "__main__":
    run(main)
