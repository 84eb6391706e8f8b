"""Stable Diffusion folders: check them before they are needed, load them as they are."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.lib.base.provenance import sha256
from scripts.lib.experiment.choices import Network

if TYPE_CHECKING:
    import torch

COMPONENTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
WITH_WEIGHTS = ("unet", "vae", "text_encoder")
PIPELINES = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")
PREDICTION_TYPES = ("epsilon", "v_prediction")
PICKLES = ("bin", "pt", "pth", "ckpt")
CONVERT = "StableDiffusionPipeline.from_single_file(FILE).save_pretrained(FOLDER)"
FILES = {
    "inception": "pt_inception-2015-12-05-6726825d.pth",
    "inception_192": "inception_v3_google-0cc3c7bd.pth",
    "inception_64": "inception_v3_google-0cc3c7bd.pth",
}


class ModelError(ValueError):
    """A model folder cannot be used; the message names the folder, what is wrong and the fix."""


def check(folder: Path) -> None:
    """Refuse a base model that a later job would fail on. Reads no weights and imports no torch.

    Raises:
        ModelError: the folder is missing or no diffusers pipeline, it is another kind of pipeline,
            a component is missing or does not fit the others, weights are pickled, or the scheduler
            predicts something that the loss does not know.
    """
    if folder.is_file():
        raise ModelError(f"{folder}: a single-file checkpoint, not a folder; convert it with {CONVERT}")
    if not (folder / "model_index.json").is_file():
        raise ModelError(
            f"{folder}: no diffusers pipeline there (model_index.json is missing); give the folder of a Stable "
            f"Diffusion pipeline, convert a single-file checkpoint with {CONVERT}, or say under `downloads` where "
            "the folder comes from"
        )
    kind = _read(folder / "model_index.json").get("_class_name")
    if kind not in PIPELINES:
        raise ModelError(f"{folder}: a {kind}, but only {' and '.join(PIPELINES)} can be retrained here")
    for component in COMPONENTS:
        if not (folder / component).is_dir():
            raise ModelError(f"{folder}: the component {component!r} is missing; the pipeline is not whole")
    for component in WITH_WEIGHTS:
        check_weights(folder / component)
    unet, vae, text = (_read(folder / component / "config.json") for component in WITH_WEIGHTS)
    for component, key, value, wanted in (
        ("vae", "latent_channels", unet.get("in_channels", 4), vae.get("latent_channels", 4)),
        ("text encoder", "hidden_size", unet.get("cross_attention_dim"), text.get("hidden_size")),
    ):
        if value != wanted:
            name = "in_channels" if component == "vae" else "cross_attention_dim"
            raise ModelError(
                f"{folder}/unet: its {name} is {value}, but the {component}'s {key} is {wanted}; give a text-to-image "
                "model (inpainting, depth and upscaling models have further inputs)"
            )
    scheduler = _read(folder / "scheduler" / "scheduler_config.json")
    prediction = scheduler.get("prediction_type", "epsilon")
    if prediction not in PREDICTION_TYPES:
        raise ModelError(f"{folder}/scheduler: prediction_type {prediction!r} is none of {PREDICTION_TYPES}")


def check_network(network: Network, weights: Path) -> None:
    """Refuse weights of a feature network that cannot be those: no such file, or no folder with safetensors.

    Raises:
        ModelError: says what the network needs.
    """
    if network not in FILES:
        if not weights.is_dir():
            raise ModelError(f"{weights}: no such folder; correct the path in the configuration")
        check_weights(weights)
    elif not weights.is_file():
        raise ModelError(
            f"{weights}: no such file; the network {network!r} needs the file {FILES[network]} (docs/paper.md says "
            "where it is published)"
        )


def check_hash(path: Path, expected: str) -> None:
    """Refuse a file whose SHA-256 does not begin with ``expected`` (hexadecimal).

    Raises:
        ModelError: the message names both hashes.
    """
    if not (actual := sha256(path)).startswith(expected):
        raise ModelError(
            f"{path}: its SHA-256 is {actual}, expected {expected}; remove the file so that it is fetched again, or "
            "correct the hash under `downloads`"
        )


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a JSON of a pipeline."""
    if not path.is_file():
        raise ModelError(f"{path}: missing; the pipeline is not whole")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path}: not JSON ({error}); fetch the model anew") from None


def check_weights(folder: Path) -> None:
    """Refuse a component folder without safetensors.

    Raises:
        ModelError: there are no weights, or only pickled ones or a variant (``*.fp16.safetensors``).
    """
    weights = [path.name for path in folder.glob("*.safetensors")]
    if any(name.count(".") == 1 for name in weights):
        return
    if weights:
        raise ModelError(
            f"{folder}: only a variant of the weights is there ({', '.join(sorted(weights))}); load it with "
            "from_pretrained(FOLDER, variant=VARIANT) and save it with save_pretrained(FOLDER)"
        )
    pickled = sorted(path.name for suffix in PICKLES for path in folder.glob(f"*.{suffix}"))
    if pickled:
        raise ModelError(
            f"{folder}: the weights are pickled ({', '.join(pickled)}), and loading a pickle runs code; convert them "
            "with model.save_pretrained(FOLDER, safe_serialization=True) on a machine where you trust them"
        )
    raise ModelError(f"{folder}: no weights (*.safetensors) there; give the folder of the whole component")


def digest(folder: str | Path) -> str:
    """Return a digest of a folder (or file) of weights that is cheap enough to take whenever the workflow is parsed.

    Files up to 16 MiB count with their content, larger ones with their size alone; a model card does not count.

    Raises:
        ModelError: there is no such folder.
    """
    if not Path(folder).exists():
        raise ModelError(f"{folder}: no such folder; correct the path in the configuration")
    result = hashlib.sha256()
    paths = Path(folder).rglob("*") if Path(folder).is_dir() else [Path(folder)]
    for path in sorted(path for path in paths if path.is_file() and path.suffix != ".md"):
        size = path.stat().st_size
        result.update(f"{path.relative_to(folder)} {size}\n".encode())
        if size <= 2**24:
            result.update(path.read_bytes())
    return result.hexdigest()[:16]


def device() -> "torch.device":
    """Return the GPU that the job was given, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load(kind: Any, folder: Path, **options: Any) -> Any:
    """Return ``kind.from_pretrained(folder)`` in float32, from safetensors, without touching the network."""
    import torch  # Only who loads weights pays for torch; the workflow itself imports this module for `check`.

    return kind.from_pretrained(
        folder, **{"dtype": torch.float32, **options}, use_safetensors=True, local_files_only=True
    )
