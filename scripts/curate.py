"""Take one step of curation: decide which generated images may train, or rewrite them."""

import json
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from scripts.cli import run
from scripts.lib.base import csvs, imageset
from scripts.lib.base.kinds import kinds
from scripts.lib.curation import candidates


def main(
    images: Annotated[list[Path], typer.Argument(help="Image sets of the candidates.")],
    step: Annotated[str, typer.Option(help="Which step: the name of a file of scripts/lib/curation.")],
    settings: Annotated[str, typer.Option(help="JSON: the settings of the step.")],
    root: Annotated[Path, typer.Option(help="Folder of the results; the table names image sets by their path in it.")],
    seed: Annotated[int, typer.Option(help="Seed of random choices.")],
    output: Annotated[Path, typer.Option(help="CSV to write: one row per candidate, with the decision.")],
    before: Annotated[Path | None, typer.Option(help="CSV of the step before; none: all of IMAGES.")] = None,
    rewards: Annotated[list[Path] | None, typer.Option(help="CSV of the scores of one of IMAGES. Repeat it.")] = None,
    first_batch: Annotated[Path | None, typer.Option(help="CSV of the scores of the base model's images.")] = None,
    real: Annotated[Path | None, typer.Option(help="Image set of the real images.")] = None,
    rewritten: Annotated[Path | None, typer.Option(help="Image set to write, if the step rewrites images.")] = None,
) -> None:
    """Read the candidates, let the step decide on each, and write what it decided."""
    kind = kinds("curation")[step]
    if before is None:
        table = candidates.of_sets(images, root)
    else:
        table = candidates.chosen(csvs.read(before, candidates.TYPES))
    inputs = candidates.Inputs(
        root,
        seed,
        scores=_scores(table, rewards) if rewards else None,
        first_batch=csvs.read(first_batch, {"score": float})["score"] if first_batch else None,
        real=real,
    )
    curated = kind.curate(table, kind.Settings(**json.loads(settings)), inputs)
    if rewritten is not None:
        metadata = pd.concat(imageset.read_metadata(path).assign(images=str(path.relative_to(root))) for path in images)
        rows = table[["images", "file_name"]].merge(metadata, on=["images", "file_name"]).drop(columns="images")
        imageset.write(rewritten, rows.assign(**curated.added), curated.images)
        curated.table["images"] = rewritten.relative_to(root).as_posix()
    csvs.write(output, curated.table)


def _scores(table: pd.DataFrame, rewards: list[Path]) -> pd.Series:
    scores = pd.concat(csvs.read(path, {"score": float}) for path in rewards)
    return table.merge(scores, on=["images", "file_name"], how="left", validate="many_to_one")["score"]


if __name__ == "__main__":
    run(main)
