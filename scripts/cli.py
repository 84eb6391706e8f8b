"""How every script of this folder becomes a command line."""

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer


def run(main: Callable[..., None]) -> None:
    """Run ``main`` with the options of the command line; an error ends in its message, after a plain traceback."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()


def _attributes(text: str) -> dict[str, list[str]]:
    return json.loads(text)


Attributes = Annotated[
    Any,
    typer.Option(
        parser=_attributes, metavar="JSON", help='Attributes and their values: \'{"gender": ["man", "woman"]}\'.'
    ),
]
