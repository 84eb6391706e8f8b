"""Networks built from their folders without their weights: names and shapes are compared, values are not read."""

from pathlib import Path
from typing import Any

from scripts.lib.base.safetensors_files import ModelError, read_json
from scripts.lib.engines import pipelines
from scripts.lib.engines.components import WORDS
from scripts.lib.engines.objectives import Denoising, FlowMatching

# What the pipelines need of a scheduler; those of flow matching and of EDM have no noise schedule in this sense.
OF_DIFFUSION = ("alphas_cumprod", "add_noise", "init_noise_sigma", "scale_model_input")
LEGACY_END = 2  # The end token of CLIP configurations that transformers reads as "the largest of the prompt".


def on_meta(kind: Any, folder: Path) -> Any:
    """Return a network on torch's meta device.

    Raises:
        ModelError: no network of that class can be built from the folder.
    """
    try:
        return pipelines.load(kind, folder, device_map="meta")
    except ModelError:
        raise
    except Exception as error:  # The libraries raise almost anything for a configuration that they cannot build.
        raise ModelError(
            f"{folder}: no {kind.__name__} can be built from it: {first_line(error)}; give the folder that its "
            "save_pretrained wrote"
        ) from error


def check_words(folder: Path, config: Any, *, pooled: bool = False, kind: str = "CLIPTokenizer") -> None:
    """Refuse a tokenizer whose words, length or end token are not those of its text encoder.

    Args:
        folder: of the tokenizer.
        config: of the text encoder. One without `max_position_embeddings`, such as a T5's, reads prompts of any length.
        pooled: whether the embedding of the end token is read.
        kind: class of transformers.
    """
    import transformers  # The workflow imports every module of this room.

    try:
        tokenizer = getattr(transformers, kind).from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise ModelError(f"{folder}: no {kind} can be built from it: {first_line(error)}") from error
    words = getattr(config, "vocab_size", WORDS)
    if (most := max(tokenizer.get_vocab().values())) >= words:
        raise ModelError(
            f"{folder}: the tokenizer has a word of number {most}, but the text encoder knows {words} words; give the "
            "tokenizer of this model"
        )
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and tokenizer.model_max_length > positions:
        raise ModelError(
            f"{folder}: the tokenizer's model_max_length is {tokenizer.model_max_length}, but the text encoder has "
            f"{positions} positions"
        )
    if pooled and config.eos_token_id not in (LEGACY_END, tokenizer.eos_token_id):
        raise ModelError(
            f"{folder}: text_config.eos_token_id is {config.eos_token_id}, but the tokenizer ends a prompt with "
            f"{tokenizer.eos_token_id}, so that every embedding would be taken from another word; correct config.json"
        )


def denoising_scheduler(folder: Path) -> str:
    """Build a pipeline's sampler and the scheduler of its training, and return the sampler's class.

    Raises:
        ModelError: it is none of diffusers, none with a noise schedule, or its configuration is wrong.
    """
    import diffusers

    name = str(read_json(folder / "model_index.json").get("scheduler", [None, None])[1])
    refusal = (
        f"{folder}/scheduler: {name} is no scheduler of Stable Diffusion 1, 2 or XL; name another in model_index.json "
        "and scheduler_config.json, such as DDIMScheduler or PNDMScheduler"
    )
    if not hasattr(diffusers, name):
        raise ModelError(refusal)
    try:
        scheduler = getattr(diffusers, name).from_pretrained(folder, subfolder="scheduler", local_files_only=True)
        Denoising(folder)
        scheduler.set_timesteps(min(50, scheduler.config.num_train_timesteps))
    except Exception as error:
        raise ModelError(
            f"{folder}/scheduler: no {name} can be built from scheduler_config.json: {first_line(error)}; correct it"
        ) from error
    if not all(hasattr(scheduler, part) for part in OF_DIFFUSION):
        raise ModelError(refusal)
    return name


def flow_scheduler(folder: Path) -> str:
    """Build the scheduler of a flow, and return its class.

    Raises:
        ModelError: its configuration is wrong.
    """
    try:
        FlowMatching(folder)
    except Exception as error:
        raise ModelError(
            f"{folder}/scheduler: no FlowMatchEulerDiscreteScheduler can be built from scheduler_config.json: "
            f"{first_line(error)}; correct it"
        ) from error
    return "FlowMatchEulerDiscreteScheduler"


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or what the error is."""
    return (str(error).strip() or repr(error)).splitlines()[0]
