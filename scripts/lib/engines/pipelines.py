"""Folders of pipelines: check them before they are needed, load them as they are."""

from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.lib.base.hashes import content
from scripts.lib.base.safetensors_files import ModelError, read_json
from scripts.lib.engines.engine import engine_of, steps_run
from scripts.lib.experiment.choices import Mode

if TYPE_CHECKING:
    import torch

CONVERT = "StableDiffusionPipeline.from_single_file(FILE).save_pretrained(FOLDER)"


def check(folder: Path) -> None:
    """Refuse a base model that a later job would fail on. Reads no weights and imports no torch.

    Raises:
        ModelError: the folder is missing or no diffusers pipeline, no engine reads its kind of pipeline, or the engine
            refuses it.
    """
    if folder.is_file():
        raise ModelError(f"{folder}: a single-file checkpoint, not a folder; convert it with {CONVERT}")
    if not (folder / "model_index.json").is_file():
        raise ModelError(
            f"{folder}: no diffusers pipeline there (model_index.json is missing); give the folder of a "
            f"pipeline, convert a single-file checkpoint with {CONVERT}, or say under `downloads` where "
            "the folder comes from"
        )
    engine_of(folder).check(folder)


def check_steps(folder: Path, steps: int) -> None:
    """Refuse more inference steps than the scheduler has steps of noise.

    Raises:
        ModelError: names both numbers.
    """
    known = read_json(folder / "scheduler" / "scheduler_config.json").get("num_train_timesteps", 1000)
    if steps > known:
        raise ModelError(f"generate.steps: it is {steps}, but the scheduler of {folder} has {known}; lower it")


def check_resolution(folder: Path, resolution: int) -> None:
    """Refuse a size of images that the pipeline would round to another one, or cannot make.

    Args:
        resolution: edge of the square images in pixels.

    Raises:
        ModelError: names the sizes next to it that can be made.
    """
    multiple, largest = engine_of(folder).edges(folder)
    if resolution % multiple:
        lower = resolution // multiple * multiple
        sizes = " or ".join(str(size) for size in (lower, lower + multiple) if size)
        raise ModelError(
            f"dataset.resolution: it is {resolution}, but {folder} makes images whose edges are multiples of "
            f"{multiple} pixels; set {sizes}"
        )
    if largest and resolution > largest:
        raise ModelError(
            f"dataset.resolution: it is {resolution}, but {folder} makes images of at most {largest} pixels; lower it"
        )


def check_modes(folder: Path, modes: Iterable[Mode]) -> None:
    """Refuse a mode of generation for which the pipeline's family has no class.

    Raises:
        ModelError: names the modes that there are.
    """
    for mode in modes:
        if mode not in (known := engine_of(folder).MODES):
            raise ModelError(f"generate.mode: {folder} has no {mode}; set {' or '.join(known)}")


def check_start(folder: Path, steps: int, strength: float) -> None:
    """Refuse image-to-image that would start from noise alone, since its steps are rounded up to all that there are.

    Raises:
        ModelError: says how many steps it takes.
    """
    rounds_up = engine_of(folder).ROUNDS_UP
    if strength < 1 and steps_run(steps, strength, rounds_up=rounds_up) == steps:
        enough = next(number for number in count(steps) if steps_run(number, strength, rounds_up=rounds_up) < number)
        raise ModelError(
            f"generate.steps: {folder} rounds the steps of image-to-image up, so that {steps} at a strength of "
            f"{strength} start from noise alone; set {enough} or more, or generate.mode: txt2img"
        )


def has(folder: Path, component: str) -> bool:
    """Say whether a pipeline's index names a component; one that is left out is not there or ``[null, null]``."""
    return (read_json(folder / "model_index.json").get(component) or [None, None])[1] is not None


def digest(folder: str | Path) -> str:
    """Return what identifies a folder (or file) of weights, 16 digits: the SHA-256 of its content.

    Raises:
        ModelError: there is no such folder.
    """
    if not Path(folder).exists():
        raise ModelError(f"{folder}: no such folder; correct the path in the configuration")
    return content(Path(folder))[:16]


def device() -> "torch.device":
    """Return the GPU that the job was given, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def assemble(kind: Any, folder: Path, encoders: Mapping[str, Any], **parts: Any) -> Any:
    """Return a pipeline of given parts and a base model's text encoders, tokenizers and scheduler.

    Args:
        kind: class of diffusers.
        folder: of the base model.
        encoders: the classes of its text encoders, by component; they are on the job's device.
        parts: the networks, and what else the class is to be told.
    """
    loaded = {name: load(encoder, folder / name).to(device()) for name, encoder in encoders.items()}
    unused = {"image_encoder": None, "feature_extractor": None}
    return kind.from_pretrained(folder, local_files_only=True, **unused, **loaded, **parts)


def load(kind: Any, folder: Path, **options: Any) -> Any:
    """Return ``kind.from_pretrained(folder)`` in float32, from safetensors, without touching the network.

    Args:
        kind: class of a network of diffusers or transformers.
        folder: of its ``config.json`` and weights.
        options: of ``from_pretrained``; ``device_map="meta"`` compares names and shapes and reads no weights.

    Raises:
        ModelError: a weight that the class needs is missing, or one that it does not know is present: the libraries
            would go on with random numbers.
    """
    import torch  # Only who loads weights pays for torch; the workflow itself imports this module for `check`.

    settings = {"dtype": torch.float32, "use_safetensors": True, "local_files_only": True, **options}
    network, report = kind.from_pretrained(folder, output_loading_info=True, **settings)
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        # Buffers that older versions of transformers saved; the positions are computed now.
        if keys := sorted(key for key in map(str, report[problem]) if not key.endswith("position_ids")):
            raise ModelError(
                f"{folder}: not the weights of a {kind.__name__}: {len(keys)} {problem.replace('_', ' ')}, such as "
                f"{keys[0]}; give the folder that its save_pretrained wrote"
            )
    return network
