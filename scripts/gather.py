"""Join the shards of an image set."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import run
from scripts.lib.base import imageset


def main(
    shards: Annotated[list[Path], typer.Argument(help="Image sets that share the rows of ORDER among them.")],
    order: Annotated[Path, typer.Option(help="Image set whose table gives the order.")],
    output: Annotated[Path, typer.Option(help="Image set to write.")],
) -> None:
    """Join SHARDS into one image set, in the order of ORDER: the same bytes for any number of shards."""
    names = imageset.read_metadata(order)["file_name"].tolist()
    parts = {path: imageset.read_metadata(path) for path in shards}
    where = {name: path for path, part in parts.items() for name in part["file_name"]}
    images = {path: imageset.iterate(path, [name for name in names if where[name] == path]) for path in shards}
    table = pd.concat([part for part in parts.values() if len(part)]).set_index("file_name").loc[names].reset_index()
    imageset.write(output, table, (next(images[where[name]]) for name in names))


if __name__ == "__main__":
    run(main)
