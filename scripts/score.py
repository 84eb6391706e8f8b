"""Score the images of one cell from their embeddings."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from safetensors import safe_open

from scripts.cli import run
from scripts.lib.base import imageset
from scripts.lib.base.atomic import write_json
from scripts.lib.experiment.config.metrics import Metrics
from scripts.lib.metrics.metric import Embedded
from scripts.lib.scoring import scores


def main(
    images: Annotated[Path, typer.Option(help="Image set to score.")],
    features: Annotated[Path, typer.Option(help="Its embeddings.")],
    reference: Annotated[Path, typer.Option(help="Image set of the reference.")],
    reference_features: Annotated[Path, typer.Option(help="Its embeddings.")],
    attribute: Annotated[list[str], typer.Option(help="Attribute whose values are scored apart. Repeat it.")],
    metrics: Annotated[str, typer.Option(help="JSON: the settings of each kind of metric, as score.metrics.")],
    output: Annotated[
        Path, typer.Option(help="JSON to write: what made the features; a list of metric, group, n and value per set.")
    ],
    unseen: Annotated[Path | None, typer.Option(help="Image set of the unseen prompts.")] = None,
    unseen_features: Annotated[Path | None, typer.Option(help="Its embeddings.")] = None,
) -> None:
    """Write Fréchet and kernel distance, CLIP score, precision, recall, density, coverage and Vendi score."""
    settings = Metrics(**json.loads(metrics))
    ours, made_by = _load(images, features)
    theirs, reference_made_by = _load(reference, reference_features)
    if made_by != reference_made_by:
        raise ValueError(f"{features} and {reference_features} come of different networks; embed both again")
    rows = scores.score(ours, theirs, attribute, settings)
    content: dict[str, Any] = {"features": made_by, "generated": [row._asdict() for row in rows]}
    if unseen and unseen_features:
        other, _ = _load(unseen, unseen_features)
        content["unseen"] = [
            scores.Score(metric, scores.ALL, len(other.metadata), value)._asdict()
            for metric, value in scores.of_prompts(other, settings)
        ]
    write_json(output, content)


def _load(images: Path, features: Path) -> tuple[Embedded, dict[str, str]]:
    """Return embeddings, and the networks and the resizing that made them."""
    table = imageset.read_metadata(images)
    with safe_open(features, "numpy") as file:
        made_by = json.loads(file.metadata()["embedding"])
        arrays = [file.get_tensor(key) for key in ("features", "clip_image", "clip_text")]
    if made_by.pop("file_names") != table["file_name"].tolist():
        raise ValueError(f"{features} has the embeddings of other images than those in {images}; embed it again")
    return Embedded(table, *arrays), dict(sorted(made_by.items()))


if __name__ == "__main__":
    run(main)
