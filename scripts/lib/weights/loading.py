"""Networks built from their folders before the first job needs them: names and shapes of weights, not their values."""

from pathlib import Path

import diffusers
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel

from scripts.lib.base.safetensors_files import ModelError, read_json
from scripts.lib.engines.building import check_words, first_line, on_meta

# What the pipelines need of a scheduler; those of flow matching and of EDM have no noise schedule in this sense.
OF_DIFFUSION = ("alphas_cumprod", "add_noise", "init_noise_sigma", "scale_model_input")


def build_pipeline(folder: Path) -> dict[str, str]:
    """Build every part of a Stable Diffusion pipeline on torch's meta device.

    Returns:
        The class of each part.

    Raises:
        ModelError: the weights are not those of the class, the scheduler cannot be used, or the tokenizer has words
            that the text encoder does not know.
    """
    parts = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    networks = {name: on_meta(kind, folder / name) for name, kind in parts.items()}
    check_words(folder / "tokenizer", networks["text_encoder"].config)
    scheduler = _build_scheduler(folder)
    return {**{name: type(network).__name__ for name, network in networks.items()}, "scheduler": scheduler}


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
            f"{folder}/scheduler: no {name} can be built from scheduler_config.json: {first_line(error)}; correct it"
        ) from error
    if not all(hasattr(scheduler, part) for part in OF_DIFFUSION):
        raise ModelError(refusal)
    return name
