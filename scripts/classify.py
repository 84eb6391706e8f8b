"""Classify the faces of one shard of a folder with DeepFace."""

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from tqdm import tqdm

from scripts.cli import run
from scripts.lib.base import csvs
from scripts.lib.base.deepface import DEEPFACE_WEIGHTS, check_deepface
from scripts.lib.base.provenance import arguments, recording
from scripts.lib.dataset.classification import Classifier, classify


def main(
    files: Annotated[Path, typer.Option(help="CSV of the image files.")],
    folder: Annotated[Path, typer.Option(help="Where the images are.")],
    weights: Annotated[Path, typer.Option(help="Folder of DeepFace's ONNX files.")],
    attribute: Annotated[list[str], typer.Option(help="What to ask for: gender, race or age; may be repeated.")],
    output: Annotated[Path, typer.Option(help="CSV to write: file_name, one column per attribute, reason.")],
    provenance: Annotated[Path, typer.Option(help="JSON to write: what made it.")],
    sha256: Annotated[str, typer.Option(help="JSON: SHA-256 of the files by name, where known.")] = "{}",
    batch_size: Annotated[int, typer.Option(help="Images a batch; changes no label.", min=1)] = 16,
    threads: Annotated[int, typer.Option(help="Threads of the networks.", min=1)] = 1,
    shard: Annotated[int, typer.Option(help="Which shard to classify, from 0.", min=0)] = 0,
    shards: Annotated[int, typer.Option(help="Number of shards; changes no label.", min=1)] = 1,
) -> None:
    """Classify every SHARDS-th file, starting with SHARD; a file that cannot be read gets a reason, not labels."""
    check_deepface(weights, attribute, json.loads(sha256))
    with recording(provenance, [weights / DEEPFACE_WEIGHTS[name] for name in attribute], arguments()):
        table = csvs.read(files)
        names = table.loc[table["excluded"] == "", "file_name"].tolist()[shard::shards]
        classifier = Classifier(weights, attribute, threads)
        header = pd.DataFrame(columns=["file_name", *attribute, "reason"])
        with tqdm(total=len(names), desc="classify", mininterval=10) as progress:

            def labeled() -> Iterator[pd.DataFrame]:
                for part in classify(names, folder, classifier, batch_size):
                    yield part
                    progress.update(len(part))

            csvs.write(output, chain([header], labeled()))


if __name__ == "__main__":
    run(main)
