"""Build the page on which one walks through an experiment."""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Annotated, Any

import typer
from tqdm import tqdm

from scripts.cli import Arms, run
from scripts.lib.base import csvs, imageset
from scripts.lib.base.atomic import replacing
from scripts.lib.curation import candidates
from scripts.lib.experiment.arms import Arm, line_of, read_arms
from scripts.lib.experiment.cell import Cell
from scripts.lib.figures import chart, explorer, thumbnails
from scripts.lib.figures.rejections import facts as facts_of_step
from scripts.lib.figures.training import training_of
from scripts.lib.metrics.catalogue import catalogue
from scripts.lib.regimes import composition


def main(
    generated: Annotated[
        list[Path],
        typer.Argument(help="generated.zip of the cells; their folders name the cells."),
    ],
    unseen: Annotated[list[Path], typer.Option(help="unseen.zip of the cells, in the same order. Repeat it.")],
    training: Annotated[list[Path], typer.Option(help="training.csv of the cells that have one. Repeat it.")],
    real: Annotated[list[Path], typer.Option(help="Image set of the real images. Repeat it for each replicate's own.")],
    scores: Annotated[Path, typer.Option(help="CSV of all scores.")],
    arms: Arms,
    group: Annotated[str, typer.Option(help='Group to show first: \'{"gender": "woman", "age": "old"}\'.')],
    experiment: Annotated[str, typer.Option(help="Name of the experiment, the page's title.")],
    note: Annotated[str, typer.Option(help="What the images are, and what the scores can be compared with.")],
    images: Annotated[int, typer.Option(help="Images of each group and cell in the page.", min=1)],
    thumbnail: Annotated[int, typer.Option(help="Largest edge of an image in the page, in pixels.", min=8)],
    output: Annotated[Path, typer.Option(help="The page to write.")],
    threads: Annotated[int, typer.Option(help="Threads that encode thumbnails.", min=1)] = 1,
    rejections: Annotated[list[Path] | None, typer.Option(help="CSV of a step's decisions. Repeat it.")] = None,
    full_size: Annotated[int, typer.Option(help="Images of each group and cell beside the page.", min=0)] = 0,
    full_size_folder: Annotated[Path | None, typer.Option(help="Folder for these, beside the page.")] = None,
) -> None:
    """Write one page with all scores and images, and beside it a folder of images in their full size, if asked for."""
    named = read_arms(arms)
    styles = chart.styles(named)
    cells = [Cell.from_path(path) for path in generated]
    bases = list(dict.fromkeys(cell.arm for cell in cells if cell.is_base))
    table, of_prompts = imageset.read_metadata(real[0]), imageset.read_metadata(unseen[0])
    slots, prompts = thumbnails.slots(table, images), thumbnails.slots(of_prompts, images)
    size = imageset.read_images(real[0], table["file_name"].head(1)).shape[1]
    edge = min(size, thumbnail)
    sets = [(explorer.real_set(path), path, slots.files) for path in real]
    for cell, own, its_unseen in zip(cells, generated, unseen, strict=True):
        sets += [(f"{cell}/generated", own, slots.files), (f"{cell}/unseen", its_unseen, prompts.files)]
    names, paths, files = zip(*sets, strict=True)
    facts = {
        "experiment": experiment,
        "note": note,
        "size": size,
        "edge": edge,
        "images": len(table),
        "unseen": len(of_prompts),
        "folder": full_size_folder.name if full_size_folder else None,
        "full_size": full_size if full_size_folder else 0,
        "start": json.loads(group),
        **explorer.facts_of_groups(table, list(json.loads(group))),
        "slots": slots._asdict(),
        "prompts": prompts._asdict(),
        **explorer.facts_of_arms(named, styles, cells, real),
        "bases": bases,
        "cells": _facts_of_cells(cells, training, rejections or [], slots, named, names),
        "metrics": {name: metric._asdict() for name, metric in catalogue().items()},
        "scores": explorer.scores_of(csvs.read(scores, csvs.SCORES), [*named, *bases]),
    }
    if full_size_folder:
        thumbnails.copy_images(sets, full_size, full_size_folder)
    with replacing(output) as temporary, ThreadPoolExecutor(threads) as pool:
        sheets = tqdm(pool.map(thumbnails.sheets, paths, files, repeat(edge)), "thumbnails", len(sets), mininterval=10)
        temporary.write_text(explorer.render(facts, styles, zip(names, sheets, strict=True)), encoding="utf-8")


def _facts_of_cells(
    cells: Iterable[Cell],
    training: Iterable[Path],
    rejections: Iterable[Path],
    slots: thumbnails.Slots,
    arms: Mapping[str, Arm],
    sets: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Return what trained the model of each cell, and what the steps of its curation rejected."""
    found: dict[str, dict[str, Any]] = {str(cell): {"training": None, "rejected": []} for cell in cells}
    for path in training:
        cell, table = Cell.from_path(path), csvs.read(path, composition.TYPES)
        found[str(cell)]["training"] = training_of(table, slots.files, line_of(arms, cell.arm))
    for path in rejections:
        cell, decisions = Cell.from_path(path.parent), csvs.read(path, candidates.TYPES)
        found[str(cell)]["rejected"].append(facts_of_step(path.stem, decisions, cell.replicate, sets))
    return found


if __name__ == "__main__":
    run(main)
