"""Stable Diffusion folders: check them before they are needed, load them as they are."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

COMPONENTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
WITH_WEIGHTS = ("unet", "vae", "text_encoder")
PREDICTION_TYPES = ("epsilon", "v_prediction")


class ModelError(ValueError):
    """A model folder cannot be used; the message names the folder, what is wrong and the fix."""


def check(folder: Path) -> None:
    """Refuse a base model that a later job would fail on. Reads no weights and imports no torch.

    Raises:
        ModelError: the folder is missing or no diffusers pipeline, a component is missing, weights
            are pickled, or the scheduler predicts something that the loss does not know.
    """
    if not (folder / "model_index.json").is_file():
        raise ModelError(
            f"{folder}: no diffusers pipeline there (model_index.json is missing); give the folder of a Stable "
            "Diffusion pipeline, or convert a single-file checkpoint with "
            "StableDiffusionPipeline.from_single_file(FILE).save_pretrained(FOLDER)"
        )
    for component in COMPONENTS:
        if not (folder / component).is_dir():
            raise ModelError(f"{folder}: the component {component!r} is missing; the pipeline is not whole")
    for component in WITH_WEIGHTS:
        check_weights(folder / component)
    scheduler = folder / "scheduler" / "scheduler_config.json"
    if not scheduler.is_file():
        raise ModelError(f"{scheduler}: missing; the pipeline is not whole")
    prediction = json.loads(scheduler.read_text()).get("prediction_type", "epsilon")
    if prediction not in PREDICTION_TYPES:
        raise ModelError(f"{folder}/scheduler: prediction_type {prediction!r} is none of {PREDICTION_TYPES}")


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
    pickled = sorted(path.name for suffix in ("bin", "pt", "pth", "ckpt") for path in folder.glob(f"*.{suffix}"))
    if pickled:
        raise ModelError(
            f"{folder}: the weights are pickled ({', '.join(pickled)}), and loading a pickle runs code; convert them "
            "with model.save_pretrained(FOLDER, safe_serialization=True) on a machine where you trust them"
        )
    raise ModelError(f"{folder}: no weights (*.safetensors) there; give the folder of the whole component")


def digest(folder: str | Path) -> str:
    """Return a digest of a folder of weights that is cheap enough to take whenever the workflow is parsed.

    Files up to 16 MiB count with their content, larger ones with their size alone; a model card does not count.

    Raises:
        ModelError: there is no such folder.
    """
    if not Path(folder).is_dir():
        raise ModelError(f"{folder}: no such folder; correct the path in the configuration")
    result = hashlib.sha256()
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file() and path.suffix != ".md"):
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
