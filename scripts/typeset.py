"""Make a table into a page."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base.atomic import replacing
from scripts.lib.figures import tables


def main(
    sources: Annotated[list[Path], typer.Argument(help="CSV of the table; of `composition`, that of every cell.")],
    table: Annotated[tables.Name, typer.Option(help="Which table it is.")],
    output: Annotated[Path, typer.Option(help="HTML page to write.")],
) -> None:
    """Typeset a table of the results as a page of its own, for a report."""
    with replacing(output) as temporary:
        temporary.write_text(tables.page(table, tables.read(table, sources)), encoding="utf-8")


if __name__ == "__main__":
    run(main)
