"""Stable Diffusion folders: check them before they are needed, load them as they are."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.lib.base.hashes import content
from scripts.lib.base.safetensors_files import ModelError, read_json, shapes
from scripts.lib.engines.components import check_autoencoder, check_tokenizer

if TYPE_CHECKING:
    import torch

COMPONENTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
CLASSES = {
    "unet": ("UNet2DConditionModel",),
    "vae": ("AutoencoderKL",),
    "text_encoder": ("CLIPTextModel",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
}
PIPELINES = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")
PREDICTION_TYPES = ("epsilon", "v_prediction")
# Keys of a U-Net's configuration that give it inputs beside the image, the time and the prompt.
FURTHER_INPUTS = ("addition_embed_type", "class_embed_type", "encoder_hid_dim", "time_cond_proj_dim")
CONVERT = "StableDiffusionPipeline.from_single_file(FILE).save_pretrained(FOLDER)"
MULTIPLE = 8  # Of which diffusers' text-to-image wants an image's edges, whatever the autoencoder.


def check(folder: Path) -> None:
    """Refuse a base model that a later job would fail on. Reads no weights and imports no torch.

    Raises:
        ModelError: the folder is missing or no diffusers pipeline, it is another kind of pipeline, a component is
            missing, of another class or does not fit the others, weights are pickled, cut off or not whole, or the
            scheduler predicts something that the loss does not know.
    """
    if folder.is_file():
        raise ModelError(f"{folder}: a single-file checkpoint, not a folder; convert it with {CONVERT}")
    if not (folder / "model_index.json").is_file():
        raise ModelError(
            f"{folder}: no diffusers pipeline there (model_index.json is missing); give the folder of a Stable "
            f"Diffusion pipeline, convert a single-file checkpoint with {CONVERT}, or say under `downloads` where "
            "the folder comes from"
        )
    index = read_json(folder / "model_index.json")
    kind = index.get("_class_name")
    if kind not in PIPELINES:
        raise ModelError(f"{folder}: a {kind}, but only {' and '.join(PIPELINES)} can be retrained here")
    for component in COMPONENTS:
        if not (folder / component).is_dir():
            raise ModelError(f"{folder}: the component {component!r} is missing; the pipeline is not whole")
    text = read_json(folder / "text_encoder" / "config.json")
    unet = read_json(folder / "unet" / "config.json")
    vae = read_json(folder / "vae" / "config.json")
    scheduler = read_json(folder / "scheduler" / "scheduler_config.json")
    _check_classes(folder, index, unet, text)
    check_autoencoder(folder / "vae")
    shapes(folder / "text_encoder", "model")
    shapes(folder / "unet", "diffusion_pytorch_model")
    check_tokenizer(folder / "tokenizer", text)
    _check_fit(folder, unet, vae, text)
    prediction = scheduler.get("prediction_type", "epsilon")
    if prediction not in PREDICTION_TYPES:
        raise ModelError(f"{folder}/scheduler: prediction_type {prediction!r} is none of {PREDICTION_TYPES}")


def _check_classes(folder: Path, index: dict[str, Any], unet: dict[str, Any], text: dict[str, Any]) -> None:
    """Refuse a component whose class, in the pipeline's index or in its own configuration, is not supported."""
    named = {component: [(index.get(component) or [None, None])[1]] for component in CLASSES}
    named["unet"].append(unet.get("_class_name"))
    named["text_encoder"] += text.get("architectures") or []
    for component, classes in named.items():
        for kind in classes:
            if kind is not None and kind not in CLASSES[component]:
                raise ModelError(
                    f"{folder}/{component}: a {kind}, but only {' and '.join(CLASSES[component])} is supported here; "
                    "give the folder of a Stable Diffusion 1 or 2 pipeline"
                )


def _check_fit(folder: Path, unet: dict[str, Any], vae: dict[str, Any], text: dict[str, Any]) -> None:
    """Refuse parts of different models, and a U-Net that wants more than an image, a time and a prompt."""
    for component, key, name, default, wanted in (
        ("vae", "latent_channels", "in_channels", 4, vae.get("latent_channels", 4)),
        ("vae", "latent_channels", "out_channels", 4, vae.get("latent_channels", 4)),
        ("text encoder", "hidden_size", "cross_attention_dim", 1280, text.get("hidden_size", 512)),
    ):
        if (value := unet.get(name, default)) != wanted:
            raise ModelError(
                f"{folder}/unet: its {name} is {value}, but the {component}'s {key} is {wanted}; give a text-to-image "
                "model (inpainting, depth and upscaling models have further inputs)"
            )
    for key in FURTHER_INPUTS:
        if unet.get(key) is not None:
            raise ModelError(
                f"{folder}/unet: its {key} is {unet[key]!r}, an input that Stable Diffusion 1 and 2 do not have; give "
                "a plain text-to-image model"
            )


def check_steps(folder: Path, steps: int) -> None:
    """Refuse more inference steps than the scheduler has steps of noise.

    Raises:
        ModelError: names both numbers.
    """
    known = read_json(folder / "scheduler" / "scheduler_config.json").get("num_train_timesteps", 1000)
    if steps > known:
        raise ModelError(f"generate.steps: it is {steps}, but the scheduler of {folder} has {known}; lower it")


def check_resolution(folder: Path, resolution: int) -> None:
    """Refuse a size of images that the pipeline would round to another one.

    Args:
        resolution: edge of the square images in pixels.

    Raises:
        ModelError: names the sizes next to it that can be made.
    """
    halvings = len(read_json(folder / "vae" / "config.json").get("block_out_channels", [64])) - 1
    multiple = max(MULTIPLE, 2**halvings)
    if resolution % multiple:
        lower = resolution // multiple * multiple
        sizes = " or ".join(str(size) for size in (lower, lower + multiple) if size)
        raise ModelError(
            f"dataset.resolution: it is {resolution}, but {folder} makes images whose edges are multiples of "
            f"{multiple} pixels; set {sizes}"
        )


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


def load(kind: Any, folder: Path, **options: Any) -> Any:
    """Return ``kind.from_pretrained(folder)`` in float32, from safetensors, without touching the network.

    Args:
        kind: class of a network of diffusers or transformers.
        folder: of its ``config.json`` and weights.
        options: of ``from_pretrained``; ``device_map="meta"`` compares names and shapes and reads no weights.

    Raises:
        ModelError: a weight that the class needs is missing, or one that it does not know is there: the libraries
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
