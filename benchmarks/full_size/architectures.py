"""The architectures of the paper's models, as their configuration files state them; weights are random."""

from typing import Any

from diffusers import AutoencoderKL, DDIMScheduler, PNDMScheduler, UNet2DConditionModel
from torchvision.models.inception import Inception3
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, Dinov2Config, Dinov2Model

NOISE: dict[str, Any] = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def unet() -> UNet2DConditionModel:
    """The U-Net of Stable Diffusion 2.1: 865.9 million parameters."""
    return UNet2DConditionModel(
        sample_size=64,
        block_out_channels=(320, 640, 1280, 1280),
        attention_head_dim=(5, 10, 20, 20),
        cross_attention_dim=1024,
        use_linear_projection=True,
    )


def vae() -> AutoencoderKL:
    """The autoencoder of Stable Diffusion: 83.7 million parameters."""
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        sample_size=512,
        scaling_factor=0.18215,
    )


def text_encoder(**options: Any) -> CLIPTextModel:
    """The text encoder of Stable Diffusion 2.1, 23 layers: 340.4 million parameters."""
    return CLIPTextModel(CLIPTextConfig(**TEXT | {"num_hidden_layers": 23} | options))


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
    text = TEXT | {"num_hidden_layers": 24} | options
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


TEXT: dict[str, Any] = {
    "vocab_size": 49408,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_attention_heads": 16,
    "max_position_embeddings": 77,
    "hidden_act": "gelu",
    "projection_dim": 1024,
}
