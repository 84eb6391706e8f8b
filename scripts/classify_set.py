"""Classify the faces of an image set with DeepFace, to see whether they show the attributes of their prompts."""

import json
from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import run
from scripts.lib.base import csvs, imageset
from scripts.lib.base.deepface import DEEPFACE_WEIGHTS, check_deepface
from scripts.lib.base.provenance import arguments, recording
from scripts.lib.dataset.classification import Classifier, classify_images


def main(
    images: Annotated[Path, typer.Option(help="Image set.")],
    weights: Annotated[Path, typer.Option(help="Folder of DeepFace's ONNX files.")],
    attribute: Annotated[list[str], typer.Option(help="What to ask for: gender, race or age; may be repeated.")],
    output: Annotated[Path, typer.Option(help="CSV to write: file_name, one column per attribute.")],
    provenance: Annotated[Path, typer.Option(help="JSON to write: what made it.")],
    sha256: Annotated[str, typer.Option(help="JSON: SHA-256 of the files by name, where known.")] = "{}",
    batch_size: Annotated[int, typer.Option(help="Images per batch; changes no label.", min=1)] = 16,
    threads: Annotated[int, typer.Option(help="Threads of the networks.", min=1)] = 1,
) -> None:
    """Write DeepFace's own labels of every image."""
    check_deepface(weights, attribute, json.loads(sha256))
    files = [images, *(weights / DEEPFACE_WEIGHTS[name] for name in attribute)]
    with recording(provenance, files, arguments()):
        names = imageset.read_metadata(images)["file_name"]
        labels = classify_images(imageset.iterate(images, names), Classifier(weights, attribute, threads), batch_size)
        labels.insert(0, "file_name", names)
        csvs.write(output, labels)


if __name__ == "__main__":
    run(main)
