"""Fetch a file of weights and check its hash."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.weights import download


def main(
    url: Annotated[str, typer.Option(help="Address of the file.")],
    sha256: Annotated[str, typer.Option(help="Its SHA-256, or the first digits of it.")],
    output: Annotated[Path, typer.Option(help="File to write.")],
) -> None:
    """Fetch a file; it appears when its SHA-256 is right."""
    download.file(url, sha256, output)


if __name__ == "__main__":
    run(main)
