"""Train what makes images on the latents of a trained autoencoder, told captions by a trained CLIP, from nothing.

A U-Net that predicts noise (Rombach et al. 2022), or a transformer that predicts the velocity of a flow (Esser et al.
2024). All randomness follows from ``seed``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    UNet2DConditionModel,
)
from diffusers.optimization import get_cosine_schedule_with_warmup
from diffusers.training_utils import EMAModel
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR
from tqdm import trange
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer, get_wsd_schedule

from scripts.lib.engines.stable_diffusion_3 import T5_TOKENS
from scripts.lib.engines.zero_tokens import compute_once
from scripts.lib.training.pretraining import to_pixels

WARMUP = 200  # steps
Texts = dict[str, torch.Tensor]
Loss = Callable[[torch.Tensor, Texts], torch.Tensor]


def noise_scheduler() -> DDIMScheduler:
    """Return the scheduler of Stable Diffusion 2.1-base's noise, with DDIM sampling."""
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        steps_offset=1,
        clip_sample=False,
        set_alpha_to_one=False,
        prediction_type="epsilon",
    )


def flow_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """Return Stable Diffusion 3's scheduler, whose levels are not shifted: latents of 8 x 8 hide in little noise."""
    return FlowMatchEulerDiscreteScheduler(shift=1.0)


def train_unet(
    images: np.ndarray,
    captions: list[str],
    vae: AutoencoderKL,
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModel,
    *,
    steps: int,
    batch_size: int,
    seed: int,
) -> UNet2DConditionModel:
    """Train a U-Net to predict noise, a tenth of the captions dropped; return the EMA weights.

    Args:
        images: uint8 (n, height, width, 3).
        captions: n texts.
    """
    torch.manual_seed(seed)
    unet = UNet2DConditionModel(
        sample_size=images.shape[1] // 4,
        block_out_channels=(48, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=text_encoder.config.hidden_size,
        attention_head_dim=4,
        norm_num_groups=8,
        use_linear_projection=True,
    )
    scheduler = noise_scheduler()

    def loss(clean: torch.Tensor, texts: Texts) -> torch.Tensor:
        noise, timesteps = torch.randn_like(clean), torch.randint(1000, (len(clean),))
        noisy = scheduler.add_noise(clean, noise, timesteps)
        return F.mse_loss(unet(noisy, timesteps, texts["states"]).sample, noise)

    def embed(tokens: torch.Tensor) -> Texts:
        return {"states": text_encoder(tokens).last_hidden_state}

    texts, index = embed_texts(captions, tokenizer, embed)
    latents = encode(images, vae)
    return train(unet, loss, latents, texts, index, cosine, steps=steps, batch_size=batch_size)


def train_transformer(
    images: np.ndarray,
    captions: list[str],
    vae: AutoencoderKL,
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModelWithProjection,
    *,
    steps: int,
    batch_size: int,
    seed: int,
) -> SD3Transformer2DModel:
    """Train a transformer to predict the velocity from an image to noise, on the straight line between them.

    Levels of noise are logit-normal; a tenth of the captions is dropped. The captions are what the pipeline makes of
    them, with one text encoder in the places of both CLIPs and no T5.

    Args:
        images: uint8 (n, height, width, 3).
        captions: n texts.

    Returns:
        The EMA weights.
    """
    torch.manual_seed(seed)
    wide = 2 * text_encoder.config.hidden_size
    transformer = small_transformer(
        images.shape[1] // 4, vae.config.latent_channels, wide, 2 * text_encoder.text_projection.out_features
    )
    compute_once(transformer)

    def loss(clean: torch.Tensor, texts: Texts) -> torch.Tensor:
        noise, levels = torch.randn_like(clean), torch.randn(len(clean)).sigmoid()
        share = levels.view(-1, 1, 1, 1)
        states = torch.cat([texts["states"], torch.zeros(len(clean), T5_TOKENS, wide)], 1)
        velocity = transformer(
            hidden_states=(1 - share) * clean + share * noise,
            timestep=1000 * levels,
            encoder_hidden_states=states,
            pooled_projections=texts["pooled"],
        ).sample
        return F.mse_loss(velocity, noise - clean)

    def embed(tokens: torch.Tensor) -> Texts:
        output = text_encoder(tokens, output_hidden_states=True)
        return {"states": output.hidden_states[-2].repeat(1, 1, 2), "pooled": output.text_embeds.repeat(1, 2)}

    texts, index = embed_texts(captions, tokenizer, embed)
    latents = encode(images, vae)
    return train(transformer, loss, latents, texts, index, constant_then_linear, steps=steps, batch_size=batch_size)


def small_transformer(edge: int, channels: int, context: int, pooled: int) -> SD3Transformer2DModel:
    """Return a transformer of Stable Diffusion 3.5's kind with new weights, 4 layers of width 128.

    Args:
        edge, channels: of the latents.
        context, pooled: widths of the tokens of a prompt, and of the prompt as a whole.
    """
    heads, width = 4, 32
    return SD3Transformer2DModel(
        sample_size=edge,
        patch_size=2,
        in_channels=channels,
        out_channels=channels,
        num_layers=4,
        num_attention_heads=heads,
        attention_head_dim=width,
        caption_projection_dim=heads * width,
        joint_attention_dim=context,
        pooled_projection_dim=pooled,
        pos_embed_max_size=edge // 2,
        qk_norm="rms_norm",
    )


@torch.no_grad()
def embed_texts(
    captions: list[str], tokenizer: CLIPTokenizer, embed: Callable[[torch.Tensor], Texts]
) -> tuple[Texts, torch.Tensor]:
    """Embed each text once.

    Args:
        embed: gives tensors of (texts, tokens), a row per text.

    Returns:
        The tensors, and the row of each caption; the last is that of no caption.
    """
    unique, index = np.unique([*captions, ""], return_inverse=True)
    tokens = tokenizer(list(unique), padding="max_length", truncation=True, return_tensors="pt").input_ids
    parts = [embed(part) for part in tokens.split(256)]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}, torch.as_tensor(index)


@torch.no_grad()
def encode(images: np.ndarray, vae: AutoencoderKL) -> torch.Tensor:
    """Return the scaled latents of images and of their mirror images, (2, n, channels, height, width)."""
    both = [to_pixels(images), to_pixels(images).flip(-1)]
    latents = torch.stack(
        [torch.cat([vae.encode(part).latent_dist.mean for part in pixels.split(256)]) for pixels in both]
    )
    return latents * vae.config.scaling_factor


def cosine(optimizer: torch.optim.Optimizer, steps: int) -> LambdaLR:
    """Return learning rates that fall from the first steps on."""
    return get_cosine_schedule_with_warmup(optimizer, WARMUP, steps)


def constant_then_linear(optimizer: torch.optim.Optimizer, steps: int) -> LambdaLR:
    """Return learning rates that fall in the last fifth alone: longer trainings begin as shorter ones do."""
    return get_wsd_schedule(optimizer, WARMUP, steps // 5, steps, decay_type="linear")


def train(
    network: Any,
    loss: Loss,
    latents: torch.Tensor,
    texts: Texts,
    index: torch.Tensor,
    rates: Callable[[torch.optim.Optimizer, int], LambdaLR],
    *,
    steps: int,
    batch_size: int,
) -> Any:
    """Train a network on latents and their captions, a tenth of which is dropped; return it with its EMA weights.

    Args:
        loss: of latents and the tensors of their captions.
        latents: (2, n, channels, height, width), of images and of their mirror images.
        texts: a row per text.
        index: the row of each image's caption, and last that of no caption.
        rates: gives the schedule of an optimizer's learning rates over a number of steps.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-2)
    schedule = rates(optimizer, steps)
    ema = EMAModel(network.parameters(), decay=0.999, use_ema_warmup=True, power=0.75)
    for _ in (bar := trange(steps, desc=type(network).__name__, mininterval=10)):
        batch = torch.randint(latents.shape[1], (batch_size,))
        clean = latents[torch.randint(2, (batch_size,)), batch]
        prompt = index[batch].where(torch.rand(batch_size) > 0.1, index[-1])
        error = loss(clean, {name: rows[prompt] for name, rows in texts.items()})
        optimizer.zero_grad()
        error.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        ema.step(network.parameters())
        bar.set_postfix(loss=f"{error.item():.3f}", refresh=False)
    ema.copy_to(network.parameters())
    return network.eval()
