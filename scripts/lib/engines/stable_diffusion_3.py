"""Stable Diffusion 3 and 3.5: a transformer that learns a flow from images to noise, conditioned on two CLIPs and a T5.

The third text encoder, a T5, may be left out, as in diffusers (Esser et al. 2024, arXiv 2403.03206).
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
from scripts.lib.engines.objectives import FlowMatching
from scripts.lib.experiment.choices import Mode

if TYPE_CHECKING:
    import torch
    from diffusers import DiffusionPipeline

PIPELINES = ("StableDiffusion3Pipeline", "StableDiffusion3Img2ImgPipeline")
COMPONENT = "transformer"
MODES: tuple[Mode, ...] = ("img2img", "txt2img")
ROUNDS_UP = True
COMPONENTS = ("transformer", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")
T5 = ("text_encoder_3", "tokenizer_3")
T5_TOKENS = 256  # The pipeline's default `max_sequence_length`.
CLASSES = {
    "transformer": ("SD3Transformer2DModel",),
    "vae": ("AutoencoderKL",),
    "text_encoder": ("CLIPTextModelWithProjection",),
    "text_encoder_2": ("CLIPTextModelWithProjection",),
    "text_encoder_3": ("T5EncoderModel",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "tokenizer_2": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "tokenizer_3": ("T5Tokenizer", "T5TokenizerFast"),
    "scheduler": ("FlowMatchEulerDiscreteScheduler",),
}


def check(folder: Path) -> None:
    """Refuse a base model that a later job would fail on. Reads no weights and imports no torch.

    Raises:
        ModelError: a component is missing, of another class or does not fit the others, or weights are pickled, cut
            off or not whole.
    """
    named = [name for name in T5 if pipelines.has(folder, name)]
    if len(named) == 1:
        raise ModelError(
            f"{folder}/model_index.json: names {named[0]} without the other of {' and '.join(T5)}; name both, or set "
            "both to [null, null]"
        )
    check_there(folder, [*COMPONENTS, *named])
    check_classes(folder, CLASSES, "give the folder of a Stable Diffusion 3 or 3.5 pipeline")
    check_autoencoder(folder / "vae")
    shapes(folder / "transformer", "diffusion_pytorch_model")
    encoders = [name for name in CLASSES if name.startswith("text_encoder") and pipelines.has(folder, name)]
    texts = {name: read_json(folder / name / "config.json") for name in encoders}
    for name, text in texts.items():
        shapes(folder / name, "model")
        if name != T5[0]:
            check_tokenizer(folder / name.replace("text_encoder", "tokenizer"), text)
    _check_fit(folder, texts)


def _check_fit(folder: Path, texts: dict[str, dict[str, Any]]) -> None:
    """Refuse parts of different models."""
    vae = read_json(folder / "vae" / "config.json")
    clips = [texts["text_encoder"], texts["text_encoder_2"]]
    channels, pooled = vae.get("latent_channels", 4), sum(text.get("projection_dim", 512) for text in clips)
    wanted = [
        ("in_channels", 16, channels, "the autoencoder's latent_channels"),
        ("out_channels", 16, channels, "the autoencoder's latent_channels"),
        ("pooled_projection_dim", 2048, pooled, "the sum of the CLIPs' projection_dim"),
    ]
    if T5[0] in texts:
        wanted.append(("joint_attention_dim", 4096, texts[T5[0]].get("d_model", 512), "the T5's d_model"))
    check_fit(folder / COMPONENT, wanted)


def edges(folder: Path) -> Edges:
    """Return which sizes of images can be made: whole patches of latents, no more than have a position."""
    transformer = read_json(folder / "transformer" / "config.json")
    patch = factor_of(folder) * transformer.get("patch_size", 2)
    return Edges(patch, patch * transformer.get("pos_embed_max_size", 96))


def build(folder: Path) -> dict[str, str]:
    """Build every part on torch's meta device; return the class of each.

    Raises:
        ModelError: the weights are not those of the class, the scheduler cannot be used, or a tokenizer has words that
            its text encoder does not know.
    """
    from diffusers import AutoencoderKL, SD3Transformer2DModel

    from scripts.lib.engines.building import check_words, flow_scheduler, on_meta

    parts = {"transformer": SD3Transformer2DModel, "vae": AutoencoderKL} | _encoders(folder)
    networks = {name: on_meta(kind, folder / name) for name, kind in parts.items()}
    for name in _encoders(folder):
        tokenizer = name.replace("text_encoder", "tokenizer")
        check_words(folder / tokenizer, networks[name].config, pooled=name != T5[0], kind=CLASSES[tokenizer][0])
    return {name: type(network).__name__ for name, network in networks.items()} | {"scheduler": flow_scheduler(folder)}


def count(folder: Path, size: int | None = None) -> Flops:
    """Count the operations for one square image on torch's meta device.

    Args:
        folder: of it only the configurations of the networks are read.
        size: edge of the image in pixels; None: the model's own.
    """
    import torch
    from diffusers import AutoencoderKL, SD3Transformer2DModel

    from scripts.lib.engines.flops import autoencoder_operations, operations, text_operations

    with torch.device("meta"):
        transformer = SD3Transformer2DModel.from_config(read_json(folder / "transformer" / "config.json"))
        vae = AutoencoderKL.from_config(read_json(folder / "vae" / "config.json"))
        config, factor = transformer.config, factor_of(folder)
        edge = size // factor if size else config.sample_size
        length = read_json(folder / "text_encoder" / "config.json").get("max_position_embeddings", TOKENS)
        length += T5_TOKENS if T5[0] in _encoders(folder) else 1
        inputs = {
            "hidden_states": torch.zeros(1, config.in_channels, edge, edge),
            "timestep": torch.zeros(1),
            "encoder_hidden_states": torch.zeros(1, length, config.joint_attention_dim),
            "pooled_projections": torch.zeros(1, config.pooled_projection_dim),
        }
        encode, decode = autoencoder_operations(vae, edge * factor)
        return Flops(
            forward=operations(lambda: transformer(**inputs)),
            training=operations(lambda: transformer(**inputs).sample.sum().backward(), grad=True),
            encode=encode,
            decode=decode,
            text=text_operations(folder, _encoders(folder), T5_TOKENS),
            parameters={name: tuple(parameter.shape) for name, parameter in transformer.named_parameters()},
            rounds_up=ROUNDS_UP,
        )


def network(folder: Path) -> Any:
    """Return the transformer that lies in a folder.

    Raises:
        ModelError: the weights are not its own.
    """
    from diffusers import SD3Transformer2DModel

    from scripts.lib.engines.zero_tokens import compute_once

    return compute_once(pipelines.load(SD3Transformer2DModel, folder))


class Encoder(Autoencoder):
    """What the pipeline makes of prompts, and the moments of an AutoencoderKL's posterior."""

    def __init__(self, folder: Path) -> None:
        import torch
        from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline

        super().__init__(folder)
        with torch.device("meta"):  # The pipeline asks it for its width alone.
            transformer = SD3Transformer2DModel.from_config(read_json(folder / "transformer" / "config.json"))
        self.pipe = _assemble(StableDiffusion3Pipeline, folder, transformer, self.vae)

    def encode_text(self, prompts: list[str]) -> "dict[str, torch.Tensor]":
        """Return ``states``, (prompts, tokens, width), of all text encoders, and ``pooled``, (prompts, width)."""
        states, _, pooled, _ = self.pipe.encode_prompt(
            prompts, None, None, device=pipelines.device(), do_classifier_free_guidance=False
        )
        return {"states": states.cpu(), "pooled": pooled.cpu()}


class Objective(FlowMatching):
    """A flow whose levels are shifted towards noise, and drawn mostly from the middle."""

    PUBLISHED = "logit_normal"

    def predict(
        self,
        network: "torch.nn.Module",
        noisy: "torch.Tensor",
        levels: "torch.Tensor",
        text: "dict[str, torch.Tensor]",
    ) -> "torch.Tensor":
        """Return the velocity that the transformer predicts."""
        return network(
            hidden_states=noisy,
            timestep=levels * self.steps,
            encoder_hidden_states=text["states"],
            pooled_projections=text["pooled"],
        ).sample


encoder, objective = Encoder, Objective


def pipeline(mode: Mode, folder: Path, network: Any) -> "DiffusionPipeline":
    """Return diffusers' pipeline with a transformer and the frozen parts of a base model, on the job's device."""
    from diffusers import AutoencoderKL, StableDiffusion3Img2ImgPipeline, StableDiffusion3Pipeline

    kind = {"img2img": StableDiffusion3Img2ImgPipeline, "txt2img": StableDiffusion3Pipeline}[mode]
    vae = pipelines.load(AutoencoderKL, folder / "vae")
    return _assemble(kind, folder, network, vae).to(pipelines.device())


def _assemble(kind: Any, folder: Path, transformer: Any, vae: Any) -> Any:
    """Return a pipeline with or without a T5; diffusers wants to be told that there is none."""
    encoders = _encoders(folder)
    absent = {} if T5[0] in encoders else dict.fromkeys(T5)
    return pipelines.assemble(kind, folder, encoders, transformer=transformer, vae=vae, **absent)


def _encoders(folder: Path) -> dict[str, Any]:
    """Return the classes of the text encoders that a base model has."""
    from transformers import CLIPTextModelWithProjection, T5EncoderModel

    every = {
        "text_encoder": CLIPTextModelWithProjection,
        "text_encoder_2": CLIPTextModelWithProjection,
        "text_encoder_3": T5EncoderModel,
    }
    return {name: kind for name, kind in every.items() if pipelines.has(folder, name)}
