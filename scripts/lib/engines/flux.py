"""FLUX.1: a transformer that learns a flow from images to noise in packed latents, conditioned on a T5 and a CLIP.

Black Forest Labs 2024, https://github.com/black-forest-labs/flux; trained as in diffusers' ``train_dreambooth_flux``.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.lib.base.safetensors_files import read_json, shapes
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
from scripts.lib.engines.objectives import FlowMatching
from scripts.lib.experiment.choices import Mode, NoiseLevels

if TYPE_CHECKING:
    import torch
    from diffusers import DiffusionPipeline

PIPELINES = ("FluxPipeline", "FluxImg2ImgPipeline")
COMPONENT = "transformer"
MODES: tuple[Mode, ...] = ("img2img", "txt2img")
ROUNDS_UP = True
COMPONENTS = ("transformer", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")
CLASSES = {
    "transformer": ("FluxTransformer2DModel",),
    "vae": ("AutoencoderKL",),
    "text_encoder": ("CLIPTextModel",),
    "text_encoder_2": ("T5EncoderModel",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "tokenizer_2": ("T5Tokenizer", "T5TokenizerFast"),
    "scheduler": ("FlowMatchEulerDiscreteScheduler",),
}
T5_TOKENS = 512  # The pipeline's default `max_sequence_length`.
GUIDANCE = 1.0  # What a distilled model is told in training, as its authors recommend (black-forest-labs/flux, #79).
EDGE = 1024  # Pixels of the pipeline's images where nobody asks for another size.


def check(folder: Path) -> None:
    """Refuse a base model that a later job would fail on. Reads no weights and imports no torch.

    Raises:
        ModelError: a component is missing, of another class or does not fit the others, or weights are pickled, cut
            off or not whole.
    """
    check_there(folder, COMPONENTS)
    check_classes(folder, CLASSES, "give the folder of a FLUX.1 pipeline")
    check_autoencoder(folder / "vae")
    shapes(folder / "transformer", "diffusion_pytorch_model")
    clip, t5 = (read_json(folder / name / "config.json") for name in ("text_encoder", "text_encoder_2"))
    for name in ("text_encoder", "text_encoder_2"):
        shapes(folder / name, "model")
    check_tokenizer(folder / "tokenizer", clip)
    channels = read_json(folder / "vae" / "config.json").get("latent_channels", 4)
    wanted = [
        ("in_channels", 64, 4 * channels, "four times the vae's latent_channels"),
        ("joint_attention_dim", 4096, t5.get("d_model", 512), "the T5's d_model"),
        ("pooled_projection_dim", 768, clip.get("hidden_size", 512), "the CLIP's hidden_size"),
    ]
    check_fit(folder / "transformer", wanted)


def edges(folder: Path) -> Edges:
    """Return which sizes of images can be made: whole patches of two by two latents."""
    return Edges(2 * factor_of(folder), None)


def build(folder: Path) -> dict[str, str]:
    """Build every part on torch's meta device; return the class of each.

    Raises:
        ModelError: the weights are not those of the class, the scheduler cannot be used, or a tokenizer has words that
            its text encoder does not know.
    """
    from diffusers import AutoencoderKL, FluxTransformer2DModel

    from scripts.lib.engines.building import check_words, flow_scheduler, on_meta

    parts = {"transformer": FluxTransformer2DModel, "vae": AutoencoderKL} | _encoders()
    networks = {name: on_meta(kind, folder / name) for name, kind in parts.items()}
    check_words(folder / "tokenizer", networks["text_encoder"].config, pooled=True)
    check_words(folder / "tokenizer_2", networks["text_encoder_2"].config, kind="T5Tokenizer")
    return {name: type(network).__name__ for name, network in networks.items()} | {"scheduler": flow_scheduler(folder)}


def count(folder: Path, size: int | None = None) -> Flops:
    """Count the operations for one square image on torch's meta device.

    Args:
        folder: of it only the configurations of the networks are read.
        size: edge of the image in pixels; None: the model's own.
    """
    import torch
    from diffusers import AutoencoderKL, FluxTransformer2DModel

    from scripts.lib.engines.flops import autoencoder_operations, operations, text_operations

    with torch.device("meta"):
        transformer = FluxTransformer2DModel.from_config(read_json(folder / "transformer" / "config.json"))
        vae = AutoencoderKL.from_config(read_json(folder / "vae" / "config.json"))
        config, patches = transformer.config, (size or EDGE) // (2 * factor_of(folder))
        inputs = {
            "hidden_states": torch.zeros(1, patches**2, config.in_channels),
            "timestep": torch.zeros(1),
            "guidance": torch.zeros(1) if config.guidance_embeds else None,
            "encoder_hidden_states": torch.zeros(1, T5_TOKENS, config.joint_attention_dim),
            "pooled_projections": torch.zeros(1, config.pooled_projection_dim),
            "txt_ids": torch.zeros(T5_TOKENS, 3),
            "img_ids": torch.zeros(patches**2, 3),
        }
        encode, decode = autoencoder_operations(vae, size or EDGE)
        return Flops(
            forward=operations(lambda: transformer(**inputs)),
            training=operations(lambda: transformer(**inputs).sample.sum().backward(), grad=True),
            encode=encode,
            decode=decode,
            text=text_operations(folder, _encoders(), T5_TOKENS),
            parameters={name: tuple(parameter.shape) for name, parameter in transformer.named_parameters()},
            rounds_up=ROUNDS_UP,
            guided=1,
        )


def network(folder: Path) -> Any:
    """Return the transformer that lies in a folder.

    Raises:
        ModelError: the weights are not its own.
    """
    from diffusers import FluxTransformer2DModel

    return pipelines.load(FluxTransformer2DModel, folder)


class Encoder(Autoencoder):
    """What the pipeline makes of prompts, and the moments of an AutoencoderKL's posterior."""

    def __init__(self, folder: Path) -> None:
        from diffusers import FluxPipeline

        super().__init__(folder)
        self.pipe = pipelines.assemble(FluxPipeline, folder, _encoders(), transformer=None, vae=self.vae)

    def encode_text(self, prompts: list[str]) -> "dict[str, torch.Tensor]":
        """Return ``states`` of the T5, (prompts, tokens, width), and ``pooled`` of the CLIP, (prompts, width)."""
        states, pooled, _ = self.pipe.encode_prompt(
            prompts, None, device=pipelines.device(), max_sequence_length=T5_TOKENS
        )
        return {"states": states.cpu(), "pooled": pooled.cpu()}


class Objective(FlowMatching):
    """A flow whose levels are not shifted, in latents that are packed two by two."""

    def __init__(self, folder: Path, noise_levels: NoiseLevels = "published") -> None:
        super().__init__(folder, noise_levels)
        self.factor = factor_of(folder)
        self.guided = bool(read_json(folder / "transformer" / "config.json").get("guidance_embeds"))

    def predict(
        self,
        network: "torch.nn.Module",
        noisy: "torch.Tensor",
        levels: "torch.Tensor",
        text: "dict[str, torch.Tensor]",
    ) -> "torch.Tensor":
        """Return the velocity that the transformer predicts."""
        from diffusers import FluxPipeline

        number, _, height, width = noisy.shape
        ids = FluxPipeline._prepare_latent_image_ids(number, height // 2, width // 2, noisy.device, noisy.dtype)
        predicted = network(
            hidden_states=FluxPipeline._pack_latents(noisy, *noisy.shape),
            timestep=levels,
            guidance=noisy.new_full((number,), GUIDANCE) if self.guided else None,
            encoder_hidden_states=text["states"],
            pooled_projections=text["pooled"],
            txt_ids=noisy.new_zeros(text["states"].shape[1], 3),
            img_ids=ids,
        ).sample
        return FluxPipeline._unpack_latents(predicted, height * self.factor, width * self.factor, self.factor)


encoder, objective = Encoder, Objective


def pipeline(mode: Mode, folder: Path, network: Any) -> "DiffusionPipeline":
    """Return diffusers' pipeline with a transformer and the frozen parts of a base model, on the job's device."""
    from diffusers import AutoencoderKL, FluxImg2ImgPipeline, FluxPipeline

    kind = {"img2img": FluxImg2ImgPipeline, "txt2img": FluxPipeline}[mode]
    vae = pipelines.load(AutoencoderKL, folder / "vae")
    return pipelines.assemble(kind, folder, _encoders(), transformer=network, vae=vae).to(pipelines.device())


def _encoders() -> dict[str, Any]:
    """Return the classes of the text encoders."""
    from transformers import CLIPTextModel, T5EncoderModel

    return {"text_encoder": CLIPTextModel, "text_encoder_2": T5EncoderModel}
