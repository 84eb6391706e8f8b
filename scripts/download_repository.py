"""Fetch a repository of the Hugging Face Hub at a commit."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.weights import download


def main(
    repository: Annotated[str, typer.Option(help="Repository, owner/name.")],
    revision: Annotated[str, typer.Option(help="Its commit.")],
    output: Annotated[Path, typer.Option(help="Folder to write.")],
    files: Annotated[list[str] | None, typer.Option(help="What to fetch; may be repeated.")] = None,
) -> None:
    """Fetch FILES, or else configurations and safetensors in full precision; check that the workflow can use them."""
    download.repository(repository, revision, output, files or None)


if __name__ == "__main__":
    run(main)
