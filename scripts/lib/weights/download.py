"""Fetch weights once, pinned. The only module that uses the network."""

import shutil
import urllib.request
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import GatedRepoError

from scripts.lib.base.atomic import replacing
from scripts.lib.base.safetensors_files import ModelError, refuse_pointer, shapes
from scripts.lib.engines import pipelines
from scripts.lib.engines.components import read_config
from scripts.lib.weights import configured

# Of a diffusers pipeline (components in folders) or a transformers model (`model*.safetensors`).
WANTED = ["*.json", "*.txt", "*/*.safetensors", "model*.safetensors"]
UNWANTED = ["*.fp16.*", "*non_ema*", "safety_checker/*", "onnx/*"]


def repository(name: str, revision: str, folder: Path, files: list[str] | None = None) -> None:
    """Fetch a repository of the Hugging Face Hub: configurations and safetensors in full precision, no pickles.

    A fetch that was stopped resumes where it was when it is run again.

    Args:
        name: ``owner/name``.
        revision: a commit.
        folder: where to put it; appears when it is whole.
        files: what to fetch instead, by their paths in the repository.

    Raises:
        ModelError: the repository is gated, lacks one of the files, or holds nothing that the workflow can use.
    """
    partial = folder.with_name(f".{folder.name}.{revision[:12]}.partial")
    unwanted = None if files else UNWANTED
    try:
        snapshot_download(
            name, revision=revision, local_dir=partial, allow_patterns=files or WANTED, ignore_patterns=unwanted
        )
    except GatedRepoError as error:
        raise ModelError(
            f"{name}: its authors ask for your consent; give it on https://huggingface.co/{name}, log in with "
            "`hf auth login`, and run `snakemake downloads` again"
        ) from error
    for file in files or []:
        if not (partial / file).is_file():
            raise ModelError(f"{name} at {revision}: has no file {file}; correct `downloads.{folder}`")
        refuse_pointer(partial / file)
    if (partial / "model_index.json").is_file():
        pipelines.check(partial)
    elif not files:
        diffusers = "_class_name" in read_config(partial)
        shapes(partial, "diffusion_pytorch_model" if diffusers else "model")
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    configured.record_fetched(partial, name, revision, files)
    partial.rename(folder)


def file(url: str, sha256: str, path: Path) -> None:
    """Fetch a file; it appears when its SHA-256 begins with ``sha256``.

    Raises:
        ModelError: the hash is another one.
    """
    with replacing(path) as temporary:
        with urllib.request.urlopen(url) as response, temporary.open("wb") as target:
            shutil.copyfileobj(response, target)
        configured.check_hash(temporary, sha256)
