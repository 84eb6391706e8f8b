"""Fetch weights once, pinned. The only module that uses the network."""

import shutil
import urllib.request
from pathlib import Path

from huggingface_hub import snapshot_download

from scripts.lib.base.atomic import replacing
from scripts.lib.engines import pipelines

# Of a Stable Diffusion pipeline (components in folders) or a transformers model (`model*.safetensors`).
WANTED = ["*.json", "*.txt", "*/*.safetensors", "model*.safetensors"]
UNWANTED = ["*.fp16.*", "*non_ema*", "safety_checker/*", "onnx/*"]


def repository(name: str, revision: str, folder: Path) -> None:
    """Fetch a repository of the Hugging Face Hub: configurations and safetensors in full precision, no pickles.

    A fetch that was stopped and is run again goes on where it was.

    Args:
        name: ``owner/name``.
        revision: a commit.
        folder: where to put it; appears when it is whole.

    Raises:
        ModelError: the repository holds nothing that the workflow can use.
    """
    partial = folder.with_name(f".{folder.name}.{revision[:12]}.partial")
    snapshot_download(name, revision=revision, local_dir=partial, allow_patterns=WANTED, ignore_patterns=UNWANTED)
    if (partial / "model_index.json").is_file():
        pipelines.check(partial)
    else:
        pipelines.check_weights(partial)
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    partial.rename(folder)


def file(url: str, sha256: str, path: Path) -> None:
    """Fetch a file; it appears when its SHA-256 begins with ``sha256``.

    Raises:
        ModelError: the hash is another one.
    """
    with replacing(path) as temporary:
        with urllib.request.urlopen(url) as response, temporary.open("wb") as target:
            shutil.copyfileobj(response, target)
        pipelines.check_hash(temporary, sha256)
