"""Train the frozen parts of a small Stable Diffusion from nothing: tokenizer and CLIP, autoencoder.

They have the architectures of Stable Diffusion's (Rombach et al. 2022) and of CLIP (Radford et al.
2021), a thousand times smaller. Each function takes arrays and returns a trained model; all
randomness follows from ``seed``. What makes images of them is trained by `denoisers`.
"""

import json
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from diffusers.optimization import get_cosine_schedule_with_warmup
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from torch.nn import functional as F
from tqdm import trange
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTokenizer,
)
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

CONTEXT = 32  # tokens of a prompt; the longest caption has 24
WIDTH = 64  # of both CLIP towers


def to_pixels(images: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Turn uint8 (n, height, width, 3) into float32 (n, 3, height, width) in [-1, 1]."""
    return torch.as_tensor(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def train_tokenizer(captions: list[str]) -> CLIPTokenizer:
    """Learn a byte-pair vocabulary from captions; any other word falls back to its letters.

    Equal captions give equal numbers. The tokenizers library numbers the letters that end a word in the order of a
    hash table, another one each time, and merges equally frequent pairs in the order of those numbers. So both
    alphabets are numbered here, as special tokens of the training alone.
    """
    letters = sorted(ByteLevel.alphabet())
    alphabet = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    backend = CLIPTokenizer(vocab={token: i for i, token in enumerate(alphabet)}, merges=[]).backend_tokenizer
    backend.train_from_iterator(
        captions,
        BpeTrainer(vocab_size=1024, special_tokens=alphabet, end_of_word_suffix="</w>", show_progress=False),
    )
    learned = json.loads(backend.to_str())["model"]
    merges: Any = [tuple(pair) for pair in learned["merges"]]  # Pairs at run time, whatever the annotation says.
    return CLIPTokenizer(vocab=learned["vocab"], merges=merges, model_max_length=CONTEXT)


def image_processor(size: int) -> CLIPImageProcessor:
    """Return the processor that turns images into the CLIP's input: resize to ``size``, OpenAI's mean and deviation."""
    return CLIPImageProcessor(size={"shortest_edge": size}, crop_size={"height": size, "width": size})


def train_clip(
    images: np.ndarray, captions: list[str], tokenizer: CLIPTokenizer, *, steps: int, batch_size: int, seed: int
) -> CLIPModel:
    """Train both towers by the contrastive loss; equal captions in a batch all count as matches.

    Args:
        images: uint8 (n, height, width, 3).
        captions: n texts.
    """
    torch.manual_seed(seed)
    shared = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_attention_heads": 4}
    ids = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = CLIPConfig(
        text_config=shared
        | ids
        | {"vocab_size": len(tokenizer), "max_position_embeddings": CONTEXT, "num_hidden_layers": 2},
        vision_config=shared | {"image_size": images.shape[1], "patch_size": 4, "num_hidden_layers": 4},
        projection_dim=WIDTH,
    )
    model = CLIPModel(config).train()
    unique, index = np.unique(captions, return_inverse=True)
    tokens = tokenizer(list(unique), padding="max_length", truncation=True, return_tensors="pt").input_ids
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = get_cosine_schedule_with_warmup(optimizer, 100, steps)
    for _ in (bar := trange(steps, desc="clip", mininterval=10)):
        batch = torch.randint(len(images), (batch_size,)).numpy()
        pixels = torch.as_tensor(images[batch]).permute(0, 3, 1, 2).float() / 255
        text = torch.as_tensor(index[batch])
        output = model(input_ids=tokens[text], pixel_values=(pixels - mean) / std)
        same = (text[:, None] == text[None, :]).float()
        targets = same / same.sum(1, keepdim=True)
        logits = output.logits_per_image
        loss = (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    return model.eval()


def train_vae(images: np.ndarray, *, steps: int, batch_size: int, seed: int) -> AutoencoderKL:
    """Train the autoencoder (factor 4, four latent channels) on squared error and a little KL."""
    torch.manual_seed(seed)
    vae = AutoencoderKL(
        latent_channels=4,
        block_out_channels=(16, 32, 64),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=1,
        norm_num_groups=8,
        sample_size=images.shape[1],
    )
    optimizer = torch.optim.AdamW(vae.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = get_cosine_schedule_with_warmup(optimizer, 200, steps)
    for _ in (bar := trange(steps, desc="vae", mininterval=10)):
        pixels = to_pixels(images[torch.randint(len(images), (batch_size,)).numpy()])
        if torch.rand(()) < 0.5:
            pixels = pixels.flip(-1)
        posterior = vae.encode(pixels).latent_dist
        error = F.mse_loss(vae.decode(posterior.sample()).sample, pixels)
        loss = error + 1e-4 * posterior.kl().mean() / posterior.mean[0].numel()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        bar.set_postfix(psnr=f"{10 * np.log10(4 / error.item()):.1f}", refresh=False)
    vae.eval()
    with torch.no_grad():
        latents = torch.cat(
            [vae.encode(to_pixels(part)).latent_dist.mean for part in np.array_split(images[:2048], 16)]
        )
    vae.register_to_config(scaling_factor=round(1 / latents.std().item(), 5))
    return vae
