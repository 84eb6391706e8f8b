"""Networks built from their folders before the first job needs them: names and shapes of weights, not their values."""

from pathlib import Path
from typing import Any

import diffusers
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from scripts.lib.base.safetensors_files import ModelError, read_json
from scripts.lib.engines import pipelines
from scripts.lib.engines.components import TOKENS, WORDS
from scripts.lib.experiment.choices import Network

# What the pipelines need of a scheduler; those of flow matching and of EDM have no noise schedule in this sense.
OF_DIFFUSION = ("alphas_cumprod", "add_noise", "init_noise_sigma", "scale_model_input")
LEGACY_END = 2  # The end token of CLIP configurations that transformers reads as "the largest of the prompt".


def build_pipeline(folder: Path) -> dict[str, str]:
    """Build every part of a Stable Diffusion pipeline on torch's meta device.

    Returns:
        The class of each part.

    Raises:
        ModelError: the weights are not those of the class, the scheduler cannot be used, or the tokenizer has words
            that the text encoder does not know.
    """
    parts = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    networks = {name: _on_meta(kind, folder / name) for name, kind in parts.items()}
    _check_words(folder / "tokenizer", networks["text_encoder"].config)
    scheduler = _build_scheduler(folder)
    return {**{name: type(network).__name__ for name, network in networks.items()}, "scheduler": scheduler}


def build_network(network: Network, weights: Path) -> dict[str, str]:
    """Build a feature network: on the meta device, or, where its weights are pickled, from them.

    Raises:
        ModelError: the weights are not its own, or the tokenizer is not that of its CLIP.
    """
    if network == "clip":
        clip = _on_meta(CLIPModel, weights)
        _check_words(weights, clip.config.text_config, pooled=True)
        return {"clip": type(clip).__name__}
    if network == "vae":
        return {"vae": type(_on_meta(AutoencoderKL, weights)).__name__}
    from scripts.lib.scoring import inception  # torchvision takes two seconds.

    if network == "inception":
        inception.fid_network(weights)
    else:
        inception.stem(weights, int(network.removeprefix("inception_")))
    return {network: "Inception3"}


def _on_meta(kind: Any, folder: Path) -> Any:
    try:
        return pipelines.load(kind, folder, device_map="meta")
    except ModelError:
        raise
    except Exception as error:  # The libraries raise almost anything for a configuration that they cannot build.
        raise ModelError(
            f"{folder}: no {kind.__name__} can be built from it: {_first_line(error)}; give the folder that its "
            "save_pretrained wrote"
        ) from error


def _check_words(folder: Path, config: Any, *, pooled: bool = False) -> None:
    """Refuse a tokenizer whose words or end token are not those of its text encoder."""
    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise ModelError(f"{folder}: no CLIPTokenizer can be built from it: {_first_line(error)}") from error
    words = getattr(config, "vocab_size", WORDS)
    if (most := max(tokenizer.get_vocab().values())) >= words:
        raise ModelError(
            f"{folder}: the tokenizer has a word of number {most}, but the text encoder knows {words} words; give the "
            "tokenizer of this model"
        )
    if tokenizer.model_max_length > (positions := getattr(config, "max_position_embeddings", TOKENS)):
        raise ModelError(
            f"{folder}: the tokenizer's model_max_length is {tokenizer.model_max_length}, but the text encoder has "
            f"{positions} positions"
        )
    if pooled and config.eos_token_id not in (LEGACY_END, tokenizer.eos_token_id):
        raise ModelError(
            f"{folder}: text_config.eos_token_id is {config.eos_token_id}, but the tokenizer ends a prompt with "
            f"{tokenizer.eos_token_id}, so that every embedding would be taken from another word; correct config.json"
        )


def _build_scheduler(folder: Path) -> str:
    """Build the sampler and the scheduler of the training, and return the sampler's class."""
    name = str(read_json(folder / "model_index.json").get("scheduler", [None, None])[1])
    refusal = (
        f"{folder}/scheduler: {name} is no scheduler of Stable Diffusion 1 or 2; name another in model_index.json and "
        "scheduler_config.json, such as DDIMScheduler or PNDMScheduler"
    )
    if not hasattr(diffusers, name):
        raise ModelError(refusal)
    try:
        scheduler = getattr(diffusers, name).from_pretrained(folder, subfolder="scheduler", local_files_only=True)
        DDPMScheduler.from_pretrained(folder, subfolder="scheduler", local_files_only=True)
        scheduler.set_timesteps(min(50, scheduler.config.num_train_timesteps))
    except Exception as error:
        raise ModelError(
            f"{folder}/scheduler: no {name} can be built from scheduler_config.json: {_first_line(error)}; correct it"
        ) from error
    if not all(hasattr(scheduler, part) for part in OF_DIFFUSION):
        raise ModelError(refusal)
    return name


def _first_line(error: Exception) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0]
