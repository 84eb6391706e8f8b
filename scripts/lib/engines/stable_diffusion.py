"""Stable Diffusion 1 and 2: a U-Net that denoises latents, conditioned on the text encoder of a CLIP (Rombach 2022)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.lib.base.safetensors_files import ModelError, read_json, shapes
from scripts.lib.engines import pipelines
from scripts.lib.engines.autoencoder import Autoencoder
from scripts.lib.engines.components import (
    check_autoencoder,
    check_classes,
    check_fit,
    check_there,
    check_tokenizer,
    factor_of,
)
from scripts.lib.engines.engine import Edges, Flops
from scripts.lib.engines.objectives import Denoising
from scripts.lib.experiment.choices import Mode

if TYPE_CHECKING:
    import torch
    from diffusers import DiffusionPipeline

PIPELINES = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")
COMPONENT = "unet"
MODES: tuple[Mode, ...] = ("img2img", "txt2img")
ROUNDS_UP = False
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
MULTIPLE = 8  # Of which diffusers' text-to-image wants an image's edges, whatever the autoencoder.


def check(folder: Path) -> None:
    """Refuse a base model that a later job would fail on. Reads no weights and imports no torch.

    Raises:
        ModelError: a component is missing, of another class or does not fit the others, weights are pickled, cut off
            or not whole, or the scheduler predicts something that the loss does not know.
    """
    check_there(folder, COMPONENTS)
    text = read_json(folder / "text_encoder" / "config.json")
    unet = read_json(folder / "unet" / "config.json")
    vae = read_json(folder / "vae" / "config.json")
    scheduler = read_json(folder / "scheduler" / "scheduler_config.json")
    check_classes(folder, CLASSES, "give the folder of a Stable Diffusion 1 or 2 pipeline")
    check_autoencoder(folder / "vae")
    shapes(folder / "text_encoder", "model")
    shapes(folder / "unet", "diffusion_pytorch_model")
    check_tokenizer(folder / "tokenizer", text)
    _check_fit(folder, unet, vae, text)
    prediction = scheduler.get("prediction_type", "epsilon")
    if prediction not in PREDICTION_TYPES:
        raise ModelError(f"{folder}/scheduler: prediction_type {prediction!r} is none of {PREDICTION_TYPES}")


def _check_fit(folder: Path, unet: dict[str, Any], vae: dict[str, Any], text: dict[str, Any]) -> None:
    """Refuse parts of different models, and a U-Net that wants more than an image, a time and a prompt."""
    channels, whose = vae.get("latent_channels", 4), "the vae's latent_channels"
    wanted = [("in_channels", 4, channels, whose), ("out_channels", 4, channels, whose)]
    wanted.append(("cross_attention_dim", 1280, text.get("hidden_size", 512), "the text encoder's hidden_size"))
    check_fit(folder / "unet", wanted)
    for key in FURTHER_INPUTS:
        if unet.get(key) is not None:
            raise ModelError(
                f"{folder}/unet: its {key} is {unet[key]!r}, an input that Stable Diffusion 1 and 2 do not have; give "
                "a plain text-to-image model"
            )


def edges(folder: Path) -> Edges:
    """Return which sizes of images can be made: whole latents, and of eight pixels for the pipeline's sake."""
    return Edges(max(MULTIPLE, factor_of(folder)), None)


def build(folder: Path) -> dict[str, str]:
    """Build every part on torch's meta device; return the class of each.

    Raises:
        ModelError: the weights are not those of the class, the scheduler cannot be used, or the tokenizer has words
            that the text encoder does not know.
    """
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    from scripts.lib.engines.building import check_words, denoising_scheduler, on_meta

    parts = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    networks = {name: on_meta(kind, folder / name) for name, kind in parts.items()}
    check_words(folder / "tokenizer", networks["text_encoder"].config)
    return {
        **{name: type(network).__name__ for name, network in networks.items()},
        "scheduler": denoising_scheduler(folder),
    }


def count(folder: Path, size: int | None = None) -> Flops:
    """Count the operations for one square image on torch's meta device.

    Args:
        folder: of it only the configurations of ``unet``, ``vae`` and ``text_encoder`` are read.
        size: edge of the image in pixels; None: the model's own.
    """
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from scripts.lib.engines.flops import autoencoder_operations, operations

    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(read_json(folder / "unet" / "config.json"))
        vae = AutoencoderKL.from_config(read_json(folder / "vae" / "config.json"))
        text = CLIPTextModel(CLIPTextConfig(**read_json(folder / "text_encoder" / "config.json")))
        factor = 2 ** (len(vae.config.block_out_channels) - 1)
        edge = size // factor if size else unet.config.sample_size
        tokens = torch.zeros(1, text.config.max_position_embeddings, dtype=torch.int64)
        prompt = torch.zeros(*tokens.shape, unet.config.cross_attention_dim)
        noise = torch.zeros(1, unet.config.in_channels, edge, edge)
        step = torch.zeros(1, dtype=torch.int64)
        encode, decode = autoencoder_operations(vae, edge * factor)
        return Flops(
            forward=operations(lambda: unet(noise, step, prompt)),
            training=operations(lambda: unet.train()(noise, step, prompt).sample.sum().backward(), grad=True),
            encode=encode,
            decode=decode,
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


class Encoder(Autoencoder):
    """A CLIP's last hidden states, and the moments of an AutoencoderKL's posterior."""

    def __init__(self, folder: Path) -> None:
        from transformers import CLIPTextModel, CLIPTokenizer

        super().__init__(folder)
        self.tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        self.text_encoder = pipelines.load(CLIPTextModel, folder / "text_encoder").to(pipelines.device())

    def encode_text(self, prompts: list[str]) -> "dict[str, torch.Tensor]":
        """Return ``states``, (prompts, tokens, width)."""
        tokens = self.tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return {"states": self.text_encoder(tokens.to(self.text_encoder.device))[0].cpu()}


class Objective(Denoising):
    """The U-Net denoises latents."""

    def predict(
        self, network: "torch.nn.Module", noisy: "torch.Tensor", levels: "torch.Tensor", text: "dict[str, torch.Tensor]"
    ) -> "torch.Tensor":
        """Return what the U-Net predicts."""
        return network(noisy, levels, text["states"]).sample


encoder, objective = Encoder, Objective


def pipeline(mode: Mode, folder: Path, network: Any) -> "DiffusionPipeline":
    """Return diffusers' pipeline with a U-Net and the frozen parts of a base model, on the job's device."""
    from diffusers import AutoencoderKL, StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
    from transformers import CLIPTextModel

    kind = {"img2img": StableDiffusionImg2ImgPipeline, "txt2img": StableDiffusionPipeline}[mode]
    pipe: Any = kind.from_pretrained(
        folder,
        unet=network,
        vae=pipelines.load(AutoencoderKL, folder / "vae"),
        text_encoder=pipelines.load(CLIPTextModel, folder / "text_encoder"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        local_files_only=True,
    )
    return pipe.to(pipelines.device())
