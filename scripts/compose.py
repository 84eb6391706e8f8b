"""Compose the training set of one iteration from real and generated images."""

import json
from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base import csvs, imageset
from scripts.lib.base.kinds import kinds
from scripts.lib.curation import candidates
from scripts.lib.experiment.choices import Rounding
from scripts.lib.regimes.composition import composition_of, first_slots, models_of, of_real, without_real


def main(
    real: Annotated[Path, typer.Option(help="Image set of the real images; its rows are the slots.")],
    regime: Annotated[str, typer.Option(help="How they meet: the name of a file of scripts/lib/regimes.")],
    settings: Annotated[str, typer.Option(help="JSON: the settings of the regime.")],
    root: Annotated[Path, typer.Option(help="Folder of the results; the table names image sets by their path in it.")],
    share: Annotated[float, typer.Option(help="Share of generated images.", min=0, max=1)],
    rounding: Annotated[Rounding, typer.Option(help="total: exact over the whole set; others: in each group.")],
    draw: Annotated[int, typer.Option(help="Seed of the slots and of the rounding; equal draws choose equal slots.")],
    training: Annotated[Path, typer.Option(help="CSV to write: which image of which set trains.")],
    composition: Annotated[Path, typer.Option(help="CSV to write: real and generated images per group.")],
    images: Annotated[list[Path] | None, typer.Option(help="Generated image set. Repeat it; none: real only.")] = None,
    parts: Annotated[str, typer.Option(help="JSON: which part of the generated images each of IMAGES has.")] = "",
    before: Annotated[Path | None, typer.Option(help="CSV of the last step of curation; none: all of IMAGES.")] = None,
    judged: Annotated[list[Path] | None, typer.Option(help="CSV of a step that judges real images. Repeat it.")] = None,
    real_per_group: Annotated[int | None, typer.Option(help="Slots per group that train; none: all.", min=1)] = None,
) -> None:
    """Let the regime make a training set of the real images and of the generated ones that curation has left."""
    kind, slots = kinds("regimes")[regime], first_slots(imageset.read_metadata(real), real_per_group)
    slots = slots.assign(images=real.relative_to(root).as_posix())
    if not images:
        table = of_real(slots)
    else:
        found = candidates.chosen(csvs.read(before, candidates.TYPES)) if before else candidates.of_sets(images, root)
        if parts:  # Images that a step has rewritten are those of a single set.
            found = found.assign(part=models_of(found["images"]).map(json.loads(parts)).fillna(1.0))
        chosen = kind.Settings(**json.loads(settings))
        table = kind.training_set(slots, found, chosen, share=share, rounding=rounding, draw=draw)
    rejected = [candidates.rejected_real(csvs.read(path, candidates.TYPES)) for path in judged or []]
    table = without_real(table, set().union(*rejected))
    if table.empty:
        raise ValueError("no slot has an image to train on: every generated image was rejected and nothing replaces it")
    csvs.write(training, table)
    csvs.write(composition, composition_of(slots, table, by_origin=bool(parts)))


if __name__ == "__main__":
    run(main)
