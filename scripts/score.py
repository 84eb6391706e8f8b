"""Score the images of one cell from their embeddings."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from safetensors import safe_open

from scripts.cli import Attributes, run
from scripts.lib.base import csvs, imageset
from scripts.lib.base.atomic import write_json
from scripts.lib.base.kinds import kinds
from scripts.lib.dataset.labels import Recipe, read_recipes
from scripts.lib.experiment.config.metrics import Metrics
from scripts.lib.metrics.metric import Embedded
from scripts.lib.scoring import scores
from scripts.lib.scoring.bootstrap import Resampling
from scripts.lib.scoring.fits import by_labels, by_prompts
from scripts.lib.scoring.nearest_pairs import Pair, nearest_pairs


def main(
    images: Annotated[Path, typer.Option(help="Image set to score.")],
    clip: Annotated[Path, typer.Option(help="Its embeddings for the CLIP score.")],
    features: Annotated[list[Path], typer.Option(help="Its embeddings in a feature space. Repeat it.")],
    reference: Annotated[Path, typer.Option(help="Image set of the reference.")],
    reference_clip: Annotated[Path, typer.Option(help="Its embeddings for the CLIP score.")],
    reference_features: Annotated[list[Path], typer.Option(help="Its embeddings in a feature space. Repeat it.")],
    space: Annotated[list[str], typer.Option(help="Name of a feature space, in the order of the embeddings.")],
    attributes: Attributes,
    metrics: Annotated[str, typer.Option(help="JSON: the settings of each kind of metric, as score.metrics.")],
    resamples: Annotated[int, typer.Option(help="How often the images are drawn again, for the intervals.")],
    seed: Annotated[int, typer.Option(help="Seed of these draws.")],
    output: Annotated[
        Path, typer.Option(help="JSON to write: the scores, what made their embeddings, what is absent.")
    ],
    training: Annotated[Path | None, typer.Option(help="CSV: which images train; all of the sets otherwise.")] = None,
    training_set: Annotated[list[str] | None, typer.Option(help="Image set in TRAINING's words. Repeat it.")] = None,
    training_features: Annotated[
        list[Path] | None, typer.Option(help="Embeddings of these sets in their order, space after space. Repeat it.")
    ] = None,
    classified: Annotated[Path | None, typer.Option(help="CSV of DeepFace's labels of IMAGES.")] = None,
    recipes: Annotated[str, typer.Option(help="JSON: what these labels become, as dataset.classify.")] = "{}",
    validation: Annotated[Path | None, typer.Option(help="CSV of the model's losses on REFERENCE.")] = None,
    held_out: Annotated[bool, typer.Option(help="Whether no model trains on the reference.")] = True,
    unseen: Annotated[Path | None, typer.Option(help="Image set of the unseen prompts.")] = None,
    unseen_clip: Annotated[Path | None, typer.Option(help="Its embeddings for the CLIP score.")] = None,
    unseen_features: Annotated[list[Path] | None, typer.Option(help="And in a feature space. Repeat it.")] = None,
) -> None:
    """Write every metric of every feature space, of all images and of the values of each attribute."""
    settings, resampling = Metrics(**json.loads(metrics)), Resampling(resamples, seed)
    ours, made_by = _load(images, clip, dict(zip(space, features, strict=True)), settings)
    theirs, other_made_by = _load(
        reference, reference_clip, dict(zip(space, reference_features, strict=True)), settings
    )
    if differing := [name for name, made in made_by.items() if made != other_made_by[name]]:
        raise ValueError(f"{images} and {reference}: two networks embedded them for {differing[0]}; embed both again")
    fits = _fits(next(iter(ours.values())), attributes, classified, read_recipes(recipes))
    ours = {name: own._replace(fits=fits) for name, own in ours.items()}
    found = {"generated": scores.score(ours, theirs, list(attributes), settings, resampling)}
    pairs: dict[str, list[Pair]] = {}
    compared = {"generated": {"nothing", "reference"}, "unseen": {"nothing"}}
    if training_set and training_features:
        by_space = np.reshape(np.array(training_features, object), (len(space), len(training_set)))
        paths = {name: dict(zip(training_set, row, strict=True)) for name, row in zip(space, by_space, strict=True)}
        learned, names = _training(training, paths, made_by)
        pairs["nearest"] = nearest_pairs(ours, learned, names)
        found["generated"] += scores.against_training(ours, learned, theirs if held_out else None, settings)
        compared["generated"] |= {"training", "model"}
    if validation:
        table = next(iter(theirs.values())).metadata
        found["generated"] += scores.of_model(_losses(validation, table), table, attributes, settings)
    sets = {"generated": ours}
    if unseen and unseen_clip and unseen_features:
        other, _ = _load(unseen, unseen_clip, dict(zip(space, unseen_features, strict=True)))
        found["unseen"], sets["unseen"] = list(scores.of_prompts(other, scores.ALL, settings, resampling)), other
    absent = {name: scores.absent(rows, sets[name], compared[name]) for name, rows in found.items()}
    content = {"embeddings": made_by, **_dicts(found), **_dicts(pairs), "absent": _dicts(absent)}
    write_json(output, content)


def _fits(
    images: Embedded, attributes: Mapping[str, Sequence[str]], classified: Path | None, recipes: Mapping[str, Recipe]
) -> pd.DataFrame:
    """Return which images show the values of their attributes: by DeepFace where it labels the real ones, or CLIP."""
    by_clip = [name for name in attributes if name not in recipes]
    found = by_prompts(images.metadata, images.clip_image, images.clip_text, by_clip)
    return found.join(by_labels(images.metadata, classified, recipes, attributes)) if classified else found


def _losses(path: Path, metadata: pd.DataFrame) -> pd.Series:
    """Return the mean loss of each image over its draws, in the order of the images.

    Raises:
        ValueError: the losses are those of other images.
    """
    losses = csvs.read(path, {"loss": float}).groupby("file_name")["loss"].mean()
    if set(losses.index) != set(metadata["file_name"]):
        raise ValueError(f"{path}: has losses on other images than those of the reference; validate the model again")
    return losses[metadata["file_name"]]


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
        spaces[name] = Embedded(table, own["features"], arrays["image"], arrays["text"], network, measured=measured)
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
    table: Path | None, features: Mapping[str, Mapping[str, Path]], made_by: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the embeddings of the different images that a model was trained on, by feature space, and their names.

    Args:
        table: the training set; None: all images of the sets.
        features: the embeddings of each set, by the set's name in the table, for each feature space.
        made_by: the networks of the feature spaces.

    Raises:
        ValueError: other networks embedded them than the images, or an image of the table has no embedding.
    """
    found, names = {}, list[str]()
    if table:
        rows = csvs.read(table)[["images", "file_name"]].drop_duplicates()
        names = (rows["images"] + "/" + rows["file_name"]).tolist()
    for space, paths in features.items():
        known: dict[str, np.ndarray] = {}
        for images, path in paths.items():
            arrays, made = _arrays(path)
            files = made.pop("file_names")
            if dict(sorted(made.items())) != made_by[space]:
                raise ValueError(f"{path}: another network embedded these images for {space}; embed them again")
            known |= zip((f"{images}/{file}" for file in files), arrays["features"], strict=True)
        names = names or list(known)
        if missing := [name for name in names if name not in known]:
            raise ValueError(f"{table}: {missing[0]} has no embedding for {space}; embed its set again")
        found[space] = np.stack([known[name] for name in names])
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
