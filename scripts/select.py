"""Choose the real images of the experiment and of the scoring reference."""

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import Attributes, run
from scripts.lib import dataset
from scripts.lib.atomic import replacing
from scripts.lib.choices import ShortGroup


def main(
    catalogue: Annotated[Path, typer.Option(help="CSV of candidates: file_name, attributes, group.")],
    attributes: Attributes,
    prompt: Annotated[str, typer.Option(help="Template of the prompts, attributes in braces.")],
    per_group: Annotated[int, typer.Option(help="Images a group.", min=1)],
    reference_per_group: Annotated[int, typer.Option(help="Further images a group: the reference.", min=1)],
    short_group: Annotated[ShortGroup, typer.Option(help="What a group with too few images does.")],
    seed: Annotated[int, typer.Option(help="Seed of the choice.")],
    selection: Annotated[Path, typer.Option(help="CSV to write: one row a chosen image.")],
    groups: Annotated[Path, typer.Option(help="CSV to write: what each group has, gives and lacks.")],
) -> None:
    """Choose PER_GROUP images of every group at random, and a disjoint reference."""
    chosen, counts = dataset.select(
        pd.read_csv(catalogue, dtype=str, keep_default_na=False),
        attributes,
        prompt,
        per_group=per_group,
        reference_per_group=reference_per_group,
        short_group=short_group,
        seed=seed,
    )
    for path, table in ((selection, chosen), (groups, counts)):
        with replacing(path) as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")


if __name__ == "__main__":
    run(main)
