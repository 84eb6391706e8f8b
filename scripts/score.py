"""Score the images of one cell from their embeddings."""

from pathlib import Path
from typing import Annotated

import typer
from safetensors.numpy import load_file

from scripts.cli import run
from scripts.lib import imageset, scores
from scripts.lib.atomic import write_json


def main(
    images: Annotated[Path, typer.Option(help="Image set to score.")],
    features: Annotated[Path, typer.Option(help="Its embeddings.")],
    reference: Annotated[Path, typer.Option(help="Image set of the reference.")],
    reference_features: Annotated[Path, typer.Option(help="Its embeddings.")],
    attribute: Annotated[list[str], typer.Option(help="Attribute whose values are scored apart. Repeat it.")],
    nearest_k: Annotated[int, typer.Option(help="Neighbours of precision, recall, density, coverage.", min=1)],
    output: Annotated[Path, typer.Option(help="JSON to write: a list of metric, group, n and value a set.")],
    unseen: Annotated[Path | None, typer.Option(help="Image set of the unseen prompts.")] = None,
    unseen_features: Annotated[Path | None, typer.Option(help="Its embeddings.")] = None,
) -> None:
    """Write Fréchet and kernel distance, CLIP score, precision, recall, density, coverage and Vendi score."""
    ours = _load(images, features)
    rows = scores.score(ours, _load(reference, reference_features), attribute, nearest_k)
    content = {"generated": [row._asdict() for row in rows]}
    if unseen and unseen_features:
        other = _load(unseen, unseen_features)
        content["unseen"] = [
            scores.Score(metric, scores.ALL, len(other.metadata), value)._asdict()
            for metric, value in scores.of_prompts(other)
        ]
    write_json(output, content)


def _load(images: Path, features: Path) -> scores.Embedded:
    arrays = load_file(features)
    return scores.Embedded(
        imageset.read_metadata(images), arrays["features"], arrays["clip_image"], arrays["clip_text"]
    )


if __name__ == "__main__":
    run(main)
