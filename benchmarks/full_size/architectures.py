"""The architectures of published models, as their configuration files state them; weights are random."""

from importlib import import_module
from typing import Any

from diffusers import DDIMScheduler, PNDMScheduler
from torchvision.models.inception import Inception3
from transformers import CLIPConfig, CLIPModel, Dinov2Config, Dinov2Model

from scripts.lib.base.code import ROOT
from scripts.lib.base.safetensors_files import read_json
from scripts.lib.planning.plan import ARCHITECTURES

NOISE: dict[str, Any] = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def part(architecture: str, component: str, **changes: Any) -> Any:
    """Return a network of a pipeline with random weights.

    Args:
        architecture: a folder of ``models/architectures``, which holds the pipeline's own configuration files.
        component: of the pipeline, such as ``unet``.
        changes: settings in the place of those of its ``config.json``.
    """
    folder = ROOT / ARCHITECTURES / architecture
    library, name = read_json(folder / "model_index.json")[component]
    kind, config = getattr(import_module(library), name), read_json(folder / component / "config.json") | changes
    return kind.from_config(config) if library == "diffusers" else kind(kind.config_class(**config))


def clip(**options: Any) -> CLIPModel:
    """CLIP ViT-H/14: 986 million parameters."""
    vision = {
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 16,
        "patch_size": 14,
        "image_size": 224,
        "hidden_act": "gelu",
    }
    text = {
        "vocab_size": 49408,
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "max_position_embeddings": 77,
        "hidden_act": "gelu",
        "projection_dim": 1024,
        **options,
    }
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=1024))


def dinov2() -> Dinov2Model:
    """DINOv2 ViT-L/14: 304.4 million parameters."""
    return Dinov2Model(
        Dinov2Config(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, image_size=518, patch_size=14)
    )


def scheduler(prediction_type: str = "epsilon") -> PNDMScheduler | DDIMScheduler:
    """The sampler of the 512-pixel base model (``epsilon``), or of the 768-pixel one (``v_prediction``)."""
    if prediction_type == "epsilon":
        return PNDMScheduler(**NOISE, skip_prk_steps=True)
    return DDIMScheduler(**NOISE, clip_sample=False, prediction_type=prediction_type)


def inception(*, fid: bool) -> Inception3:
    """Inception-v3 as the FID's weights have it (1008 classes, no auxiliary head), or as torchvision's."""
    options: dict[str, Any] = {"num_classes": 1008, "aux_logits": False} if fid else {}
    return Inception3(**options, init_weights=False)
