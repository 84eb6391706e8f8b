"""How every script of this folder becomes a command line."""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from scripts.lib.base.commandline import expanded
from scripts.lib.base.fence import FencedError


def app(main: Callable[..., None]) -> typer.Typer:
    """Return the command line of ``main``; its help is plain, since a framed one cuts long options off."""
    line = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    line.command()(main)
    return line


def run(main: Callable[..., None]) -> None:
    """Run ``main`` with the options of the command line; an error ends in its message, after a plain traceback.

    ``@FILE`` stands for the options in a file, a JSON list of words.
    A job that finds a newer one in its place exits with 75 (EX_TEMPFAIL of sysexits.h) and a message alone.
    """
    # An exception, so that a canceled job removes what it has half written.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        app(main)(expanded(sys.argv[1:]))
    except FencedError as error:
        print(error, file=sys.stderr)
        sys.exit(os.EX_TEMPFAIL)


def section(model: type[BaseModel]) -> Any:
    """Return the option that takes a section of the configuration; the section's model has its defaults."""
    name = model.__name__.lower()
    described = f"The section `{name}` of the configuration; docs/configuration.md describes its keys."
    return typer.Option(parser=model.model_validate_json, metavar="JSON", help=described)


Arms = Annotated[str, typer.Option(help="JSON: name to synthetic, curate, shape, parent, from_iteration and control.")]


def _attributes(text: str) -> dict[str, list[str]]:
    return json.loads(text)


Attributes = Annotated[
    Any,
    typer.Option(
        parser=_attributes, metavar="JSON", help='Attributes and their values: \'{"gender": ["man", "woman"]}\'.'
    ),
]
