"""Stable Diffusion 1 and 2: a U-Net that denoises latents, conditioned on the text encoder of a CLIP (Rombach 2022)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.lib.base.safetensors_files import ModelError, read_json, shapes
from scripts.lib.engines import pipelines
from scripts.lib.engines.components import check_autoencoder, check_tokenizer
from scripts.lib.engines.engine import Flops
from scripts.lib.experiment.choices import Mode

if TYPE_CHECKING:
    import torch
    from diffusers import DiffusionPipeline

PIPELINES = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")
COMPONENT = "unet"
COMPONENTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
CLASSES = {
    "unet": ("UNet2DConditionModel",),
    "vae": ("AutoencoderKL",),
    "text_encoder": ("CLIPTextModel",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
}
PREDICTION_TYPES = ("epsilon", "v_prediction")
# Keys of a U-Net's configuration that give it inputs beside the image, the time and the prompt.
FURTHER_INPUTS = ("addition_embed_type", "class_embed_type", "encoder_hid_dim", "time_cond_proj_dim")
# What the pipelines need of a scheduler; those of flow matching and of EDM have no noise schedule in this sense.
OF_DIFFUSION = ("alphas_cumprod", "add_noise", "init_noise_sigma", "scale_model_input")


def check(folder: Path) -> None:
    """Refuse a base model that a later job would fail on. Reads no weights and imports no torch.

    Raises:
        ModelError: a component is missing, of another class or does not fit the others, weights are pickled, cut off
            or not whole, or the scheduler predicts something that the loss does not know.
    """
    for component in COMPONENTS:
        if not (folder / component).is_dir():
            raise ModelError(f"{folder}: the component {component!r} is missing; the pipeline is not whole")
    text = read_json(folder / "text_encoder" / "config.json")
    unet = read_json(folder / "unet" / "config.json")
    vae = read_json(folder / "vae" / "config.json")
    scheduler = read_json(folder / "scheduler" / "scheduler_config.json")
    _check_classes(folder, unet, text)
    check_autoencoder(folder / "vae")
    shapes(folder / "text_encoder", "model")
    shapes(folder / "unet", "diffusion_pytorch_model")
    check_tokenizer(folder / "tokenizer", text)
    _check_fit(folder, unet, vae, text)
    prediction = scheduler.get("prediction_type", "epsilon")
    if prediction not in PREDICTION_TYPES:
        raise ModelError(f"{folder}/scheduler: prediction_type {prediction!r} is none of {PREDICTION_TYPES}")


def _check_classes(folder: Path, unet: dict[str, Any], text: dict[str, Any]) -> None:
    """Refuse a component whose class, in the pipeline's index or in its own configuration, is not supported."""
    index = read_json(folder / "model_index.json")
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


def build(folder: Path) -> dict[str, str]:
    """Build every part on torch's meta device; return the class of each.

    Raises:
        ModelError: the weights are not those of the class, the scheduler cannot be used, or the tokenizer has words
            that the text encoder does not know.
    """
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    from scripts.lib.engines.building import check_words, on_meta

    parts = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    networks = {name: on_meta(kind, folder / name) for name, kind in parts.items()}
    check_words(folder / "tokenizer", networks["text_encoder"].config)
    scheduler = _build_scheduler(folder)
    return {**{name: type(network).__name__ for name, network in networks.items()}, "scheduler": scheduler}


def _build_scheduler(folder: Path) -> str:
    """Build the sampler and the scheduler of the training, and return the sampler's class."""
    import diffusers

    from scripts.lib.engines.building import first_line

    name = str(read_json(folder / "model_index.json").get("scheduler", [None, None])[1])
    refusal = (
        f"{folder}/scheduler: {name} is no scheduler of Stable Diffusion 1 or 2; name another in model_index.json and "
        "scheduler_config.json, such as DDIMScheduler or PNDMScheduler"
    )
    if not hasattr(diffusers, name):
        raise ModelError(refusal)
    try:
        scheduler = getattr(diffusers, name).from_pretrained(folder, subfolder="scheduler", local_files_only=True)
        Objective(folder)
        scheduler.set_timesteps(min(50, scheduler.config.num_train_timesteps))
    except Exception as error:
        raise ModelError(
            f"{folder}/scheduler: no {name} can be built from scheduler_config.json: {first_line(error)}; correct it"
        ) from error
    if not all(hasattr(scheduler, part) for part in OF_DIFFUSION):
        raise ModelError(refusal)
    return name


def count(folder: Path, size: int | None = None) -> Flops:
    """Count the operations for one square image on torch's meta device.

    Args:
        folder: of it only the configurations of ``unet``, ``vae`` and ``text_encoder`` are read.
        size: edge of the image in pixels; None: the model's own.
    """
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from scripts.lib.engines.flops import operations

    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(read_json(folder / "unet" / "config.json"))
        vae = AutoencoderKL.from_config(read_json(folder / "vae" / "config.json"))
        text = CLIPTextModel(CLIPTextConfig(**read_json(folder / "text_encoder" / "config.json")))
        factor = 2 ** (len(vae.config.block_out_channels) - 1)
        edge = size // factor if size else unet.config.sample_size
        tokens = torch.zeros(1, text.config.max_position_embeddings, dtype=torch.int64)
        prompt = torch.zeros(*tokens.shape, unet.config.cross_attention_dim)
        noise = torch.zeros(1, unet.config.in_channels, edge, edge)
        latents = torch.zeros(1, vae.config.latent_channels, edge, edge)
        pixels = torch.zeros(1, vae.config.in_channels, edge * factor, edge * factor)
        step = torch.zeros(1, dtype=torch.int64)
        return Flops(
            forward=operations(lambda: unet(noise, step, prompt)),
            training=operations(lambda: unet.train()(noise, step, prompt).sample.sum().backward(), grad=True),
            encode=operations(lambda: vae.encode(pixels)),
            decode=operations(lambda: vae.decode(latents)),
            text=operations(lambda: text(tokens)),
            parameters={name: tuple(parameter.shape) for name, parameter in unet.named_parameters()},
        )


def network(folder: Path) -> Any:
    """Return the U-Net that lies in a folder.

    Raises:
        ModelError: the weights are not its own.
    """
    from diffusers import UNet2DConditionModel

    return pipelines.load(UNet2DConditionModel, folder)


def encoder(folder: Path) -> "Encoder":
    """Return the text encoder and the autoencoder of a base model, on the job's device."""
    return Encoder(folder)


def objective(folder: Path) -> "Objective":
    """Return the noise schedule of a base model's training, and its loss."""
    return Objective(folder)


class Encoder:
    """A CLIP's last hidden states, and the moments of an AutoencoderKL's posterior."""

    def __init__(self, folder: Path) -> None:
        from diffusers import AutoencoderKL
        from transformers import CLIPTextModel, CLIPTokenizer

        self.vae = pipelines.load(AutoencoderKL, folder / "vae").to(pipelines.device())
        self.tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        self.text_encoder = pipelines.load(CLIPTextModel, folder / "text_encoder").to(pipelines.device())

    def encode_text(self, prompts: list[str]) -> "dict[str, torch.Tensor]":
        """Return ``states``, (prompts, tokens, width)."""
        tokens = self.tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return {"states": self.text_encoder(tokens.to(self.text_encoder.device))[0].cpu()}

    def encode_image(self, pixels: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """Return the mean and the standard deviation of the scaled latents, (n, channels, height, width) each."""
        posterior = self.vae.encode(pixels.to(self.vae.device)).latent_dist
        scale = self.vae.config.scaling_factor
        return posterior.mean.cpu() * scale, posterior.std.cpu() * scale


class Objective:
    """Denoising at a uniformly drawn time step (Ho et al. 2020); the target is the scheduler's ``prediction_type``."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        """Read the noise schedule.

        Args:
            folder: of the base model.
            changes: of the scheduler's configuration.
        """
        from diffusers import DDPMScheduler

        self.scheduler = DDPMScheduler.from_pretrained(folder, subfolder="scheduler", local_files_only=True, **changes)

    def draw_level(self, latents: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":  # noqa: ARG002
        """Return a time step."""
        import torch

        return torch.randint(self.scheduler.config.num_train_timesteps, (), generator=generator)

    def loss(
        self,
        network: "torch.nn.Module",
        latents: "torch.Tensor",
        noise: "torch.Tensor",
        levels: "torch.Tensor",
        text: "dict[str, torch.Tensor]",
    ) -> "torch.Tensor":
        """Return the mean squared error of the U-Net's prediction."""
        from torch.nn import functional

        noisy = self.scheduler.add_noise(latents, noise, levels)
        is_velocity = self.scheduler.config.prediction_type == "v_prediction"
        target = self.scheduler.get_velocity(latents, noise, levels) if is_velocity else noise
        return functional.mse_loss(network(noisy, levels, text["states"]).sample.float(), target.float())


def pipeline(mode: Mode, folder: Path, network: Any) -> "DiffusionPipeline":
    """Return diffusers' pipeline with a U-Net and the frozen parts of a base model, on the job's device."""
    import torch
    from diffusers import AutoencoderKL, StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
    from transformers import CLIPTextModel

    kind = {"img2img": StableDiffusionImg2ImgPipeline, "txt2img": StableDiffusionPipeline}[mode]
    pipe = kind.from_pretrained(
        folder,
        unet=network,
        vae=pipelines.load(AutoencoderKL, folder / "vae"),
        text_encoder=pipelines.load(CLIPTextModel, folder / "text_encoder"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        local_files_only=True,
    )
    pipe.unet.to(memory_format=torch.channels_last)  # The layout that convolutions are fastest in, by a sixth here.
    return pipe.to(pipelines.device())
