"""Tiny Stable Diffusion pipelines with random weights, in the shapes of the three models that people retrain."""

from pathlib import Path
from typing import Literal

import torch
from diffusers import AutoencoderKL, DDIMScheduler, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from scripts.lib.base.code import ROOT
from tests.full_size.architectures import NOISE

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
