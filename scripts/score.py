"""Score the images of one cell from their embeddings."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from safetensors import safe_open

from scripts.cli import run
from scripts.lib.base import imageset
from scripts.lib.base.atomic import write_json
from scripts.lib.base.kinds import kinds
from scripts.lib.experiment.config.metrics import Metrics
from scripts.lib.metrics.metric import Embedded
from scripts.lib.scoring import scores
from scripts.lib.scoring.bootstrap import Resampling
from scripts.lib.scoring.nearest_pairs import Pair, nearest_pairs


def main(
    images: Annotated[Path, typer.Option(help="Image set to score.")],
    clip: Annotated[Path, typer.Option(help="Its embeddings for the CLIP score.")],
    features: Annotated[list[Path], typer.Option(help="Its embeddings in a feature space. Repeat it.")],
    reference: Annotated[Path, typer.Option(help="Image set of the reference.")],
    reference_clip: Annotated[Path, typer.Option(help="Its embeddings for the CLIP score.")],
    reference_features: Annotated[list[Path], typer.Option(help="Its embeddings in a feature space. Repeat it.")],
    space: Annotated[list[str], typer.Option(help="Name of a feature space, in the order of the embeddings.")],
    attribute: Annotated[list[str], typer.Option(help="Attribute whose values are scored apart. Repeat it.")],
    metrics: Annotated[str, typer.Option(help="JSON: the settings of each kind of metric, as score.metrics.")],
    resamples: Annotated[int, typer.Option(help="How often the images are drawn again, for the intervals.")],
    seed: Annotated[int, typer.Option(help="Seed of these draws.")],
    output: Annotated[
        Path,
        typer.Option(
            help="JSON to write: what made the embeddings; metric, space, group, n, value and interval of each score; "
            "which scores are absent, and why."
        ),
    ],
    training_features: Annotated[
        list[Path] | None, typer.Option(help="Embeddings of the cell's training set in a feature space. Repeat it.")
    ] = None,
    held_out: Annotated[bool, typer.Option(help="Whether no model trains on the reference.")] = True,
    unseen: Annotated[Path | None, typer.Option(help="Image set of the unseen prompts.")] = None,
    unseen_clip: Annotated[Path | None, typer.Option(help="Its embeddings for the CLIP score.")] = None,
    unseen_features: Annotated[
        list[Path] | None, typer.Option(help="Its embeddings in a feature space. Repeat it.")
    ] = None,
) -> None:
    """Write every metric of every feature space, of all images and of the values of each attribute."""
    settings, resampling = Metrics(**json.loads(metrics)), Resampling(resamples, seed)
    ours, made_by = _load(images, clip, dict(zip(space, features, strict=True)), settings)
    theirs, reference_made_by = _load(
        reference, reference_clip, dict(zip(space, reference_features, strict=True)), settings
    )
    for name, made in made_by.items():
        if made != reference_made_by[name]:
            raise ValueError(f"{images} and {reference}: different networks embedded them for {name}; embed both again")
    found = {"generated": scores.score(ours, theirs, attribute, settings, resampling)}
    pairs: dict[str, list[Pair]] = {}
    compared = {"generated": {"nothing", "reference"}, "unseen": {"nothing"}}
    if training_features:
        training, names = _training(dict(zip(space, training_features, strict=True)), made_by)
        pairs["nearest"] = nearest_pairs(ours, training, names)
        found["generated"] += scores.against_training(ours, training, theirs if held_out else None, settings)
        compared["generated"].add("training")
    sets = {"generated": ours}
    if unseen and unseen_clip and unseen_features:
        other, _ = _load(unseen, unseen_clip, dict(zip(space, unseen_features, strict=True)))
        found["unseen"], sets["unseen"] = list(scores.of_prompts(other, scores.ALL, settings, resampling)), other
    absent = {name: scores.absent(rows, sets[name], compared[name]) for name, rows in found.items()}
    content = {"embeddings": made_by, **_dicts(found), **_dicts(pairs), "absent": _dicts(absent)}
    write_json(output, content)


def _arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    with safe_open(path, "numpy") as file:
        arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        return arrays, json.loads(file.metadata()["embedding"])


def _dicts(tables: Mapping[str, Sequence[Any]]) -> dict[str, list[dict[str, Any]]]:
    return {name: [row._asdict() for row in rows] for name, rows in tables.items()}


def _load(
    images: Path, clip: Path, features: dict[str, Path], settings: Metrics | None = None
) -> tuple[dict[str, Embedded], dict[str, Any]]:
    """Return a set by feature space, and the networks and the resizing that made its embeddings.

    Args:
        settings: of the metrics, some of which measure the pixels; None: nothing is measured.
    """
    table = imageset.read_metadata(images)
    measured = _measured(images, table["file_name"].tolist(), settings) if settings else {}
    arrays, by_clip = _read(clip, images, table["file_name"].tolist())
    made_by, spaces = {"clip_score": by_clip}, {}
    for name, path in features.items():
        own, made_by[name] = _read(path, images, table["file_name"].tolist())
        network = made_by[name]["network"]
        spaces[name] = Embedded(table, own["features"], arrays["image"], arrays["text"], network, measured)
    return spaces, made_by


def _measured(images: Path, file_names: list[str], settings: Metrics) -> dict[str, np.ndarray]:
    """Return what kinds of metric measure of each image, by the name of the kind; those that are asked to."""
    measuring = {name: kind for name, kind in kinds("metrics").items() if hasattr(kind, "measure")}
    every = {name: kind.measure(getattr(settings, name)) for name, kind in measuring.items()}
    asked = {name: measure for name, measure in every.items() if measure}
    pixels = imageset.iterate(images, file_names if asked else [])
    rows = [[measure(image) for measure in asked.values()] for image in pixels]
    return {name: np.array([row[number] for row in rows]) for number, name in enumerate(asked)}


def _training(
    features: Mapping[str, Path], made_by: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, list[str]]]:
    """Return the embeddings of a training set, and the names of its images, by feature space.

    Raises:
        ValueError: other networks embedded them than the images.
    """
    found, names = {}, {}
    for name, path in features.items():
        arrays, made = _arrays(path)
        names[name] = made.pop("file_names")
        if dict(sorted(made.items())) != made_by[name]:
            raise ValueError(f"{path}: another network embedded the training set for {name}; embed it again")
        found[name] = arrays["features"]
    return found, names


def _read(path: Path, images: Path, file_names: list[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays of embeddings, and what made them.

    Raises:
        ValueError: they are those of other images.
    """
    arrays, made_by = _arrays(path)
    if made_by.pop("file_names") != file_names:
        raise ValueError(f"{path} has the embeddings of other images than those in {images}; embed it again")
    return arrays, dict(sorted(made_by.items()))


if __name__ == "__main__":
    run(main)
