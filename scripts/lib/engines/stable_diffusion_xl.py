"""Stable Diffusion XL: a U-Net that denoises latents, conditioned on two text encoders and the image's size and crop.

Podell et al. 2023, arXiv 2307.01952.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.lib.base.safetensors_files import ModelError, read_json, shapes
from scripts.lib.engines import pipelines
from scripts.lib.engines.autoencoder import Autoencoder
from scripts.lib.engines.components import (
    TOKENS,
    check_autoencoder,
    check_classes,
    check_fit,
    check_there,
    check_tokenizer,
    factor_of,
)
from scripts.lib.engines.engine import Edges, Flops
from scripts.lib.engines.objectives import Denoising
from scripts.lib.engines.stable_diffusion import MULTIPLE, PREDICTION_TYPES
from scripts.lib.experiment.choices import Mode, NoiseLevels

if TYPE_CHECKING:
    import torch
    from diffusers import DiffusionPipeline

PIPELINES = ("StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline")
COMPONENT = "unet"
MODES: tuple[Mode, ...] = ("img2img", "txt2img")
ROUNDS_UP = False
COMPONENTS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")
CLASSES = {
    "unet": ("UNet2DConditionModel",),
    "vae": ("AutoencoderKL",),
    "text_encoder": ("CLIPTextModel",),
    "text_encoder_2": ("CLIPTextModelWithProjection",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "tokenizer_2": ("CLIPTokenizer", "CLIPTokenizerFast"),
}
TIME_IDS = 6  # Numbers of an image: height and width, top and left of its crop, height and width that are asked for.


def check(folder: Path) -> None:
    """Refuse a base model that a later job would fail on. Reads no weights and imports no torch.

    Raises:
        ModelError: a component is missing, of another class or does not fit the others, weights are pickled, cut off
            or not whole, the scheduler predicts something that the loss does not know, or it is a refiner.
    """
    check_there(folder, COMPONENTS)
    check_classes(folder, CLASSES, "give the folder of a Stable Diffusion XL pipeline")
    if read_json(folder / "model_index.json").get("requires_aesthetics_score"):
        raise ModelError(
            f"{folder}: a refiner (requires_aesthetics_score), which cannot start from noise; give the base"
        )
    check_autoencoder(folder / "vae")
    shapes(folder / "unet", "diffusion_pytorch_model")
    texts = [read_json(folder / name / "config.json") for name in ("text_encoder", "text_encoder_2")]
    for number, text in zip(("", "_2"), texts, strict=True):
        shapes(folder / f"text_encoder{number}", "model")
        check_tokenizer(folder / f"tokenizer{number}", text)
    channels = read_json(folder / "vae" / "config.json").get("latent_channels", 4)
    time = read_json(folder / "unet" / "config.json").get("addition_time_embed_dim") or 0
    added = TIME_IDS * time + texts[1].get("projection_dim", 512)
    wanted = [
        ("in_channels", 4, channels, "the vae's latent_channels"),
        ("out_channels", 4, channels, "the vae's latent_channels"),
        ("cross_attention_dim", 1280, sum(text.get("hidden_size", 512) for text in texts), "the encoders' hidden_size"),
        ("addition_embed_type", None, "text_time", "that of Stable Diffusion XL"),
        ("projection_class_embeddings_input_dim", None, added, "the sum of its time ids and the second projection_dim"),
    ]
    further = ("class_embed_type", "encoder_hid_dim", "time_cond_proj_dim")
    check_fit(folder / "unet", [*wanted, *((name, None, None, "that of Stable Diffusion XL") for name in further)])
    prediction = read_json(folder / "scheduler" / "scheduler_config.json").get("prediction_type", "epsilon")
    if prediction not in PREDICTION_TYPES:
        raise ModelError(f"{folder}/scheduler: prediction_type {prediction!r} is none of {PREDICTION_TYPES}")


def edges(folder: Path) -> Edges:
    """Return which sizes of images can be made: whole latents, and of eight pixels for the pipeline's sake."""
    return Edges(max(MULTIPLE, factor_of(folder)), None)


def build(folder: Path) -> dict[str, str]:
    """Build every part on torch's meta device; return the class of each.

    Raises:
        ModelError: the weights are not those of the class, the scheduler cannot be used, or a tokenizer has words that
            its text encoder does not know.
    """
    from diffusers import AutoencoderKL, UNet2DConditionModel

    from scripts.lib.engines.building import check_words, denoising_scheduler, on_meta

    parts = {"unet": UNet2DConditionModel, "vae": AutoencoderKL} | _encoders()
    networks = {name: on_meta(kind, folder / name) for name, kind in parts.items()}
    check_words(folder / "tokenizer", networks["text_encoder"].config)
    check_words(folder / "tokenizer_2", networks["text_encoder_2"].config, pooled=True)
    return {
        **{name: type(network).__name__ for name, network in networks.items()},
        "scheduler": denoising_scheduler(folder),
    }


def count(folder: Path, size: int | None = None) -> Flops:
    """Count the operations for one square image on torch's meta device.

    Args:
        folder: of it only the configurations of the networks are read.
        size: edge of the image in pixels; None: the model's own.
    """
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    from scripts.lib.engines.flops import autoencoder_operations, operations, text_operations

    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(read_json(folder / "unet" / "config.json"))
        vae = AutoencoderKL.from_config(read_json(folder / "vae" / "config.json"))
        config, edge = unet.config, size // factor_of(folder) if size else unet.config.sample_size
        tokens = read_json(folder / "text_encoder" / "config.json").get("max_position_embeddings", TOKENS)
        pooled = config.projection_class_embeddings_input_dim - TIME_IDS * config.addition_time_embed_dim
        inputs = {
            "sample": torch.zeros(1, config.in_channels, edge, edge),
            "timestep": torch.zeros(1, dtype=torch.int64),
            "encoder_hidden_states": torch.zeros(1, tokens, config.cross_attention_dim),
            "added_cond_kwargs": {"text_embeds": torch.zeros(1, pooled), "time_ids": torch.zeros(1, TIME_IDS)},
        }
        encode, decode = autoencoder_operations(vae, edge * factor_of(folder))
        return Flops(
            forward=operations(lambda: unet(**inputs)),
            training=operations(lambda: unet.train()(**inputs).sample.sum().backward(), grad=True),
            encode=encode,
            decode=decode,
            text=text_operations(folder, _encoders()),
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
    """What the pipeline makes of prompts, and the moments of an AutoencoderKL's posterior."""

    def __init__(self, folder: Path) -> None:
        from diffusers import StableDiffusionXLPipeline

        super().__init__(folder)
        self.pipe = _assemble(StableDiffusionXLPipeline, folder, None, self.vae)

    def encode_text(self, prompts: list[str]) -> "dict[str, torch.Tensor]":
        """Return ``states``, (prompts, tokens, width), of both encoders, and ``pooled``, (prompts, width)."""
        states, _, pooled, _ = self.pipe.encode_prompt(
            prompts, device=pipelines.device(), do_classifier_free_guidance=False
        )
        return {"states": states.cpu(), "pooled": pooled.cpu()}


class Objective(Denoising):
    """The U-Net denoises latents, and is told that they are those of a whole image of its size."""

    def __init__(self, folder: Path, noise_levels: NoiseLevels = "published", **changes: Any) -> None:
        super().__init__(folder, noise_levels, **changes)
        self.factor = factor_of(folder)

    def predict(
        self,
        network: "torch.nn.Module",
        noisy: "torch.Tensor",
        levels: "torch.Tensor",
        text: "dict[str, torch.Tensor]",
    ) -> "torch.Tensor":
        """Return what the U-Net predicts."""
        height, width = (self.factor * edge for edge in noisy.shape[-2:])
        time_ids = noisy.new_tensor([height, width, 0, 0, height, width]).repeat(len(noisy), 1)
        added = {"text_embeds": text["pooled"], "time_ids": time_ids}
        return network(noisy, levels, text["states"], added_cond_kwargs=added).sample


encoder, objective = Encoder, Objective


def pipeline(mode: Mode, folder: Path, network: Any) -> "DiffusionPipeline":
    """Return diffusers' pipeline with a U-Net and the frozen parts of a base model, on the job's device."""
    from diffusers import AutoencoderKL, StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline

    kind = {"img2img": StableDiffusionXLImg2ImgPipeline, "txt2img": StableDiffusionXLPipeline}[mode]
    pipe = _assemble(kind, folder, network, pipelines.load(AutoencoderKL, folder / "vae"))
    return pipe.to(pipelines.device())


def _assemble(kind: Any, folder: Path, unet: Any, vae: Any) -> Any:
    """Return a pipeline without the watermark, which would be in every image, and so in the next training set."""
    return pipelines.assemble(kind, folder, _encoders(), unet=unet, vae=vae, add_watermarker=False)


def _encoders() -> dict[str, Any]:
    """Return the classes of the text encoders."""
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    return {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
