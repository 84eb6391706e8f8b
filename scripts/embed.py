"""Embed image sets: features for the distances, CLIP embeddings of images and prompts."""

import json
from pathlib import Path
from typing import Annotated

import typer
from safetensors.numpy import save_file

from scripts.cli import run
from scripts.lib.base import imageset
from scripts.lib.base.atomic import replacing
from scripts.lib.base.hashes import content
from scripts.lib.base.kinds import kinds
from scripts.lib.vision.clip_model import Clip


def main(
    sets: Annotated[list[Path], typer.Argument(help="Image sets, each with a column `text`.")],
    clip: Annotated[Path, typer.Option(help="Folder of the CLIPModel of the CLIP score.")],
    network: Annotated[str, typer.Option(help="Feature space.")],
    weights: Annotated[Path, typer.Option(help="Folder or file of that network's weights.")],
    output: Annotated[list[Path], typer.Option(help="Safetensors file to write, one per set, in the same order.")],
    batch_size: Annotated[int, typer.Option(help="Images a batch.", min=1)] = 64,
) -> None:
    """Write, for each set, float32 arrays `features`, `clip_image` and `clip_text`, one row per image."""
    kind = kinds("networks", mark="extractor")[network]
    scorer = Clip(clip, batch_size)
    # The miniature's distances are in the features of the very network that the CLIP score needs.
    extract = None if (network, weights) == ("clip", clip) else kind.extractor(weights, batch_size)
    made_by = {
        "network": network,
        "weights": str(weights),
        "weights_sha256": content(weights),
        "resize": kind.RESIZE,
        "clip": str(clip),
        "clip_sha256": content(clip),
    }
    for path, target in zip(sets, output, strict=True):
        metadata, images = imageset.read(path)
        pooled = scorer.pooled(images)
        arrays = {
            "features": extract(images) if extract else pooled,
            "clip_image": scorer.project(pooled),
            "clip_text": scorer.embed_texts(metadata["text"].tolist()),
        }
        # One entry: safetensors writes several in a random order, and the same input must give the same bytes.
        made = json.dumps({**made_by, "file_names": metadata["file_name"].tolist()})
        with replacing(target) as temporary:
            save_file(arrays, temporary, metadata={"embedding": made})


if __name__ == "__main__":
    run(main)
