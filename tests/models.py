"""Tiny pipelines with random weights: Stable Diffusion in the shapes that people retrain, XL, 3, FLUX and AuraFlow."""

from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import (
    AuraFlowPipeline,
    AuraFlowTransformer2DModel,
    AutoencoderKL,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    PNDMScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
    UMT5Config,
    UMT5EncoderModel,
)

from benchmarks.full_size.architectures import NOISE
from benchmarks.full_size.pipelines import SCHEDULERS
from scripts.lib.base.code import ROOT

Shape = Literal["1.5", "2.1-base", "2.1"]
SHAPES: tuple[Shape, ...] = ("1.5", "2.1-base", "2.1")


def tiny_pipeline(folder: Path, shape: Shape, in_channels: int = 4) -> Path:
    """Write a pipeline whose parts differ as those of the real models do: sampler, target, attention, text encoder."""
    torch.manual_seed(0)
    old = shape == "1.5"
    unet = UNet2DConditionModel(
        sample_size=12 if shape == "2.1" else 8,
        in_channels=in_channels,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=24 if old else 32,
        attention_head_dim=8 if old else (2, 4),
        norm_num_groups=8,
        use_linear_projection=not old,
    )
    vae = AutoencoderKL(
        block_out_channels=(16, 16, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=8,
        sample_size=64,
    )
    tokenizer = CLIPTokenizer.from_pretrained(ROOT / "models/miniature/tokenizer")
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=24 if old else 32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=tokenizer.model_max_length,
            hidden_act="quick_gelu" if old else "gelu",
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    scheduler = (
        DDIMScheduler(**NOISE, clip_sample=False, prediction_type="v_prediction")
        if shape == "2.1"
        else PNDMScheduler(**NOISE, skip_prk_steps=True)
    )
    pipeline = StableDiffusionPipeline(
        vae,
        text_encoder,
        tokenizer,
        unet,
        scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return folder


def small_vae(channels: int, **config: Any) -> AutoencoderKL:
    """Return an autoencoder that halves the edges of an image."""
    return AutoencoderKL(
        latent_channels=channels,
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        sample_size=16,
        **config,
    )


def clip_text(kind: Any, width: int, projection: int) -> Any:
    """Return a text encoder that knows the words of the miniature's tokenizer."""
    tokenizer = CLIPTokenizer.from_pretrained(ROOT / "models/miniature/tokenizer")
    return kind(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=32,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=tokenizer.model_max_length,
            projection_dim=projection,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def tiny_xl(folder: Path) -> Path:
    """Write a pipeline of Stable Diffusion XL: images of 16 pixels, latents of 8."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16 + 24,
        attention_head_dim=(2, 4),
        transformer_layers_per_block=(1, 2),
        norm_num_groups=8,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 12,
    )
    tokenizer = CLIPTokenizer.from_pretrained(ROOT / "models/miniature/tokenizer")
    pipeline = StableDiffusionXLPipeline(
        vae=small_vae(4, scaling_factor=0.13025),
        text_encoder=clip_text(CLIPTextModel, 16, 8),
        text_encoder_2=clip_text(CLIPTextModelWithProjection, 24, 12),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet,
        scheduler=SCHEDULERS["StableDiffusionXLPipeline"](),
        add_watermarker=False,
    )
    pipeline.save_pretrained(folder)
    return folder


def tiny_3(folder: Path, *, t5: bool) -> Path:
    """Write a pipeline of Stable Diffusion 3.5, with its third text encoder or without."""
    torch.manual_seed(0)
    transformer = SD3Transformer2DModel(
        sample_size=8,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=48,
        caption_projection_dim=32,
        pooled_projection_dim=8 + 12,
        pos_embed_max_size=8,
        dual_attention_layers=(0,),
        qk_norm="rms_norm",
    )
    tokenizer = CLIPTokenizer.from_pretrained(ROOT / "models/miniature/tokenizer")
    pipeline = StableDiffusion3Pipeline(
        vae=small_vae(16, scaling_factor=1.5305, shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=clip_text(CLIPTextModelWithProjection, 16, 8),
        text_encoder_2=clip_text(CLIPTextModelWithProjection, 24, 12),
        text_encoder_3=small_t5() if t5 else None,
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        tokenizer_3=t5_tokenizer() if t5 else None,
        transformer=transformer,
        scheduler=SCHEDULERS["StableDiffusion3Pipeline"](),
    )
    pipeline.save_pretrained(folder)
    return folder


def t5_tokenizer() -> T5Tokenizer:
    """Return a tokenizer of letters."""
    letters = [(prefix + letter, -3.0) for letter in "abcdefghijklmnopqrstuvwxyz" for prefix in ("", "▁")]
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *letters]
    return T5Tokenizer(vocab=words, extra_ids=0, model_max_length=512)


def small_t5() -> T5EncoderModel:
    """Return an encoder of its tokens."""
    config = T5Config(
        vocab_size=64, d_model=48, d_kv=8, d_ff=32, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu"
    )
    return T5EncoderModel(config)


def tiny_flux(folder: Path) -> Path:
    """Write a pipeline of FLUX.1-dev, which is told its guidance."""
    torch.manual_seed(0)
    transformer = FluxTransformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=48,
        pooled_projection_dim=16,
        guidance_embeds=True,
        axes_dims_rope=(4, 4, 8),
    )
    pipeline = FluxPipeline(
        vae=small_vae(4, scaling_factor=0.3611, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=clip_text(CLIPTextModel, 16, 8),
        text_encoder_2=small_t5(),
        tokenizer=CLIPTokenizer.from_pretrained(ROOT / "models/miniature/tokenizer"),
        tokenizer_2=t5_tokenizer(),
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
    )
    pipeline.save_pretrained(folder)
    return folder


def tiny_aura_flow(folder: Path) -> Path:
    """Write a pipeline of AuraFlow, the engine of docs/extending.md."""
    torch.manual_seed(0)
    transformer = AuraFlowTransformer2DModel(
        sample_size=8,
        num_mmdit_layers=1,
        num_single_dit_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=48,
        caption_projection_dim=32,
        pos_embed_max_size=16,
    )
    config = UMT5Config(vocab_size=64, d_model=48, d_kv=8, d_ff=32, num_layers=2, num_heads=4)
    pipeline = AuraFlowPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=UMT5EncoderModel(config),
        vae=small_vae(4, scaling_factor=0.13025),
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.73),
    )
    pipeline.save_pretrained(folder)
    return folder
