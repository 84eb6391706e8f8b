"""Write down the settings of an experiment."""

import json
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import run
from scripts.lib.base import csvs


def main(
    settings: Annotated[str, typer.Option(help='JSON: \'[{"key": "seed", "value": "0", "meaning": "..."}]\'.')],
    output: Annotated[Path, typer.Option(help="CSV to write: key, value, meaning.")],
) -> None:
    """Write one row per setting."""
    csvs.write(output, pd.DataFrame(json.loads(settings)))


if __name__ == "__main__":
    run(main)
