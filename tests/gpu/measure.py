"""What is measured on a device: images, losses, seconds of a step, images per second. No test and no GPU of its own."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer

from benchmarks.full_size import architectures
from scripts.lib.base.code import ROOT
from scripts.lib.engines import pipelines
from scripts.lib.engines.engine import Engine, engine_of
from scripts.lib.engines.generation import generate, load_pipeline
from scripts.lib.engines.precision import Arithmetic, apply
from scripts.lib.training.training_data import TrainingData, draw, encode

PROMPTS = ["a drawing of a man", "a drawing of an old woman with dark skin", "a man"]


def pictures(number: int, edge: int) -> np.ndarray:
    """Return noisy images, uint8 (n, edge, edge, 3)."""
    return np.random.default_rng(0).integers(0, 256, (number, edge, edge, 3), np.uint8)


def pixels(model: Path, edge: int, parts: list[slice]) -> np.ndarray:
    """Return what image-to-image makes before it is rounded, float32 (3, edge, edge, 3), batch by batch."""
    pipe: Any = load_pipeline("img2img", model)
    real = torch.from_numpy(pictures(3, edge)).permute(0, 3, 1, 2).float() / 255
    found = []
    for part in parts:
        generators = [torch.Generator().manual_seed(seed) for seed in [5, 6, 7][part]]
        settings: dict[str, Any] = {"num_inference_steps": 10, "guidance_scale": 3.0, "strength": 0.8}
        made = pipe(PROMPTS[part], image=real[part], generator=generators, output_type="np", **settings)
        found.append(made.images)
    return np.concatenate(found)


def loss(model: Path, edge: int) -> float:
    """Return the loss of a batch of three images on the job's device."""
    engine, device = engine_of(model), pipelines.device()
    objective, data = engine.objective(model), encode(pictures(3, edge), PROMPTS, engine.encoder(model), flip=True)
    network = engine.network(model / engine.COMPONENT).to(device)
    drawn = draw(data, torch.arange(3), 0, objective, seed=0)
    latents, noise, levels = (tensor.to(device) for tensor in drawn)
    text = {name: tensor.to(device) for name, tensor in data.text_of(torch.arange(3)).items()}
    with torch.no_grad():
        return float(objective.loss(network, latents, noise, levels, text))


class Parts(NamedTuple):
    """The networks of a Stable Diffusion, and an image's edge in pixels."""

    unet: Any
    vae: Any
    text_encoder: Any
    edge: int


def full_size() -> Parts:
    """Return those of Stable Diffusion 2.1 with random weights, at 512 pixels."""
    with pipelines.device():
        unet, vae, text = (
            architectures.part("stable-diffusion-2-1-base", name) for name in ("unet", "vae", "text_encoder")
        )
        return Parts(unet, vae, text, 512)


def wait() -> None:
    """Wait for the device."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds(run: Callable[[], Any], repeats: int) -> float:
    """Return the least seconds of a function, after one call that does not count."""
    found = []
    for _ in range(repeats + 1):
        wait()
        started = time.perf_counter()
        run()
        wait()
        found.append(time.perf_counter() - started)
    return min(found[1:])


def step(parts: Parts, *, cached: bool) -> Callable[[], None]:
    """Return a function that takes one step of a fine-tune, batch 1, with gradient checkpointing.

    Args:
        parts: the networks, on the job's device.
        cached: whether the latents and the text are there, as here, or are made in each step.
    """
    device = pipelines.device()
    unet, scheduler = parts.unet.train(), architectures.scheduler()
    unet.enable_gradient_checkpointing()
    optimizer = torch.optim.AdamW(unet.parameters(), lr=1e-6, fused=True)
    image = torch.zeros(1, 3, parts.edge, parts.edge, device=device)
    tokens = torch.zeros(1, parts.text_encoder.config.max_position_embeddings, dtype=torch.int64, device=device)
    time_step = torch.full((1,), 500, device=device)

    @torch.no_grad()
    def frozen() -> tuple[torch.Tensor, torch.Tensor]:
        return parts.vae.encode(image).latent_dist.mean, parts.text_encoder(tokens)[0]

    kept = frozen()

    def take() -> None:
        latents, text = kept if cached else frozen()
        noise = torch.randn_like(latents)
        noisy = scheduler.add_noise(latents, noise, time_step)
        torch.nn.functional.mse_loss(unet(noisy, time_step, text).sample, noise).backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return take


def images_per_second(parts: Parts, arithmetic: Arithmetic, batch_size: int, steps: int) -> float:
    """Return how many images a second text-to-image makes, with guidance."""
    tokenizer = CLIPTokenizer.from_pretrained(ROOT / "models/miniature/tokenizer")
    pipe = StableDiffusionPipeline(
        parts.vae,
        parts.text_encoder,
        tokenizer,
        parts.unet,
        architectures.scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).to(pipelines.device())
    pipe.set_progress_bar_config(disable=True)
    forward = parts.unet.forward
    apply(parts.unet.eval(), arithmetic)
    settings: dict[str, Any] = {"steps": steps, "guidance_scale": 7.5, "strength": 1.0, "size": parts.edge}

    def make() -> None:
        prompts = ["a man"] * batch_size
        for _ in generate(pipe, prompts, list(range(batch_size)), None, batch_size=batch_size, **settings):
            pass

    try:
        return batch_size / seconds(make, 1)
    finally:
        parts.unet.forward = forward
        parts.unet._compiled_call_impl = None


def training_data(model: Path, edge: int) -> tuple[Engine, TrainingData]:
    """Return an engine, and six images as it trains on them."""
    engine = engine_of(model)
    return engine, encode(pictures(6, edge), PROMPTS * 2, engine.encoder(model), flip=True)
