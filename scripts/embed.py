"""Embed image sets: in a feature space, or as the CLIP score compares images and prompts."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from safetensors.numpy import save_file

from scripts.cli import run
from scripts.lib.base import imageset
from scripts.lib.base.atomic import replacing
from scripts.lib.base.hashes import content
from scripts.lib.base.kinds import kinds
from scripts.lib.engines.precision import computing, set_tf32
from scripts.lib.experiment.choices import Dtype


def main(
    sets: Annotated[list[Path], typer.Argument(help="Image sets, each with a column `text`.")],
    network: Annotated[str, typer.Option(help="Feature network.")],
    weights: Annotated[Path, typer.Option(help="Folder or file of that network's weights.")],
    output: Annotated[
        list[Path], typer.Option(help="Safetensors file to write, one per set, in the same order. Repeat it.")
    ],
    clip_score: Annotated[
        bool, typer.Option("--clip-score", help="Embed images and prompts for the CLIP score too; the network is clip.")
    ] = False,
    batch_size: Annotated[int, typer.Option(help="Images per batch.", min=1)] = 64,
    dtype: Annotated[Dtype, typer.Option(help="Precision of the network.")] = "float32",
    tf32: Annotated[bool, typer.Option(help="Round the factors of float32 products on NVIDIA's GPUs.")] = False,
) -> None:
    """Write float32 arrays for each set, one row per image: `features`, and for the CLIP score `image` and `text`."""
    kind = kinds("networks", mark="extractor")[network]
    made_by = {
        "network": network,
        "weights": str(weights),
        "weights_sha256": content(weights),
        "resize": kind.RESIZE,
    }
    # Exact features say nothing of it.
    made_by |= ({"dtype": dtype} if dtype != "float32" else {}) | ({"tf32": "true"} if tf32 else {})
    set_tf32(tf32)
    if clip_score:
        from scripts.lib.vision.clip_model import Clip

        clip = Clip(weights, batch_size)
        extract = clip.pooled
    else:
        extract = kind.extractor(weights, batch_size)
    for path, target in zip(sets, output, strict=True):
        metadata, images = imageset.read(path)
        with computing(dtype):
            arrays: dict[str, np.ndarray] = {"features": extract(images)}
            if clip_score:
                arrays["image"] = clip.project(arrays["features"])
                arrays["text"] = clip.embed_texts(metadata["text"].tolist())
        # One entry: safetensors writes several in a random order, and the same input must give the same bytes.
        made = json.dumps({**made_by, "file_names": metadata["file_name"].tolist()})
        with replacing(target) as temporary:
            save_file(arrays, temporary, metadata={"embedding": made})


if __name__ == "__main__":
    run(main)
