"""Join the shards of an image set."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import run
from scripts.lib import imageset


def main(
    shards: Annotated[list[Path], typer.Argument(help="Image sets that share the rows of ORDER among them.")],
    order: Annotated[Path, typer.Option(help="Image set whose table gives the order.")],
    output: Annotated[Path, typer.Option(help="Image set to write.")],
) -> None:
    """Join SHARDS into one image set, in the order of ORDER: the same bytes for any number of shards."""
    tables = [imageset.read_metadata(path).assign(shard=path) for path in shards]
    table = pd.concat(tables).set_index("file_name").loc[imageset.read_metadata(order)["file_name"]].reset_index()
    images = (imageset.read_images(row.shard, [row.file_name])[0] for row in table.itertuples())
    imageset.write(output, table.drop(columns="shard"), images)


if __name__ == "__main__":
    run(main)
