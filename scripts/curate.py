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
    model: Annotated[Path | None, typer.Option(help="Folder of the base model, for a step that loads it.")] = None,
    rewritten: Annotated[Path | None, typer.Option(help="Image set to write, if the step rewrites images.")] = None,
) -> None:
    """Read the candidates, let the step decide on each, and write what it decided."""
    kind = kinds("curation")[step]
    chosen = kind.Settings(**json.loads(settings))
    if before is None:
        table = candidates.of_sets(images, root)
    else:
        table = candidates.chosen(csvs.read(before, candidates.TYPES))
    if kind.needs(chosen).judges_real and real is not None:
        table = pd.concat([table, candidates.of_real(real, root)], ignore_index=True)
    slots = table
    if rewritten is not None:  # An image that has the slots of rejected ones too is written once.
        table = table.drop_duplicates(candidates.IMAGE, ignore_index=True)
    inputs = candidates.Inputs(
        root,
        seed,
        scores=_scores(table, rewards) if rewards else None,
        first_batch=csvs.read(first_batch, {"score": float})["score"] if first_batch else None,
        real=real,
        model=model,
    )
    curated = kind.curate(table, chosen, inputs)
    if rewritten is not None:
        _write(rewritten, curated, images, root)
        path = rewritten.relative_to(root).as_posix()
        curated = curated._replace(table=candidates.in_slots(curated.table, slots, path))
    csvs.write(output, curated.table)


def _scores(table: pd.DataFrame, rewards: list[Path]) -> pd.Series:
    """Return the score of each candidate.

    Raises:
        ValueError: a candidate has none.
    """
    scores = pd.concat(csvs.read(path, {"score": float}) for path in rewards)
    found = table.merge(scores, on=candidates.IMAGE, how="left", validate="many_to_one")
    if len(missing := found[found["score"].isna()]):
        raise ValueError(f"{missing['file_name'].iloc[0]} of {missing['images'].iloc[0]} has no score")
    return found["score"]


def _write(path: Path, curated: candidates.Curated, images: list[Path], root: Path) -> None:
    """Write the images that a step has made, with what is known of those that they were made from."""
    known = pd.concat(
        imageset.read_metadata(source).assign(images=source.relative_to(root).as_posix()) for source in images
    )
    names = candidates.names_in_one_set(curated.table)
    metadata = curated.table[candidates.IMAGE].merge(known, on=candidates.IMAGE).drop(columns="images")
    if (names != metadata["file_name"]).any():  # Images of several sets: the slot tells their real counterparts.
        metadata = metadata.assign(slot=metadata["file_name"], file_name=names)
    imageset.write(path, metadata.assign(**curated.added or {}), curated.images)


if __name__ == "__main__":
    run(main)
