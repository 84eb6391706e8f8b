"""Retrain the U-Net of a latent diffusion model (paper, section 2.3).

The training loop is that of diffusers' ``train_text_to_image.py``, with three differences: the
frozen parts run once and not in every step, every random draw is a function of (seed, step,
sample), and a run that was stopped goes on where it was and ends in the same weights. Under
``accelerate launch`` each process takes its share of every batch.
"""

import ctypes
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from safetensors import SafetensorError
from torch.nn import functional as F
from tqdm import tqdm
from transformers import CLIPTextModel, CLIPTokenizer

from scripts.lib.base import fence
from scripts.lib.base.atomic import replacing
from scripts.lib.base.seeds import seed_of

PIXELS = 2**20  # A batch of the autoencoder: four images of 512 pixels, so that memory does not grow with their size.


class TrainingData(NamedTuple):
    """What the frozen parts make of the training images, computed once.

    ``mean`` and ``std`` are the moments of the scaled latents, (flips, n, channels, height, width),
    flips being 2 (as it is, mirrored) or 1; ``text`` holds one embedding a distinct prompt, (prompts,
    tokens, width), and ``prompt`` each image's row in it.
    """

    mean: torch.Tensor
    std: torch.Tensor
    text: torch.Tensor
    prompt: torch.Tensor


def keep_freed_memory() -> None:
    """Let this process keep the memory it frees, mallopt(3) of glibc; other C libraries are left as they are.

    By default glibc returns every tensor of 32 MB or more to the system and gets zeroed pages for the next:
    at full size a third of a step on the CPU, by the U-Net's gradients.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option:
        m_trim_threshold, m_mmap_max = -1, -4  # malloc.h
        set_option(m_mmap_max, 0)
        set_option(m_trim_threshold, -1)


@torch.no_grad()
def encode(
    images: np.ndarray,
    prompts: list[str],
    vae: AutoencoderKL,
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModel,
    *,
    flip: bool,
) -> TrainingData:
    """Run the autoencoder and the text encoder once over the training set.

    Args:
        images: uint8 (n, height, width, 3).
        prompts: n texts.
        flip: also encode the mirrored images.
    """
    batch_size = max(1, PIXELS // (images.shape[1] * images.shape[2]))
    unique, prompt = np.unique(prompts, return_inverse=True)
    tokens = tokenizer(list(unique), padding="max_length", truncation=True, return_tensors="pt").input_ids
    text = torch.cat([text_encoder(part.to(text_encoder.device))[0].cpu() for part in tokens.split(batch_size)])
    moments = []
    for mirrored in (False, True) if flip else (False,):
        parts = []
        for start in range(0, len(images), batch_size):
            pixels = torch.from_numpy(images[start : start + batch_size]).permute(0, 3, 1, 2) / 127.5 - 1
            pixels = pixels.flip(-1) if mirrored else pixels
            posterior = vae.encode(pixels.to(vae.device)).latent_dist
            parts.append(torch.stack([posterior.mean, posterior.std]).cpu() * vae.config.scaling_factor)
        moments.append(torch.cat(parts, dim=1))
    mean, std = torch.stack(moments, dim=1)
    return TrainingData(mean, std, text, torch.from_numpy(prompt))


def batches(n: int, batch_size: int, epochs: int, seed: int) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield (step, indices of its samples): a fresh permutation each epoch, the last batch may be short."""
    step = 0
    for epoch in range(epochs):
        order = torch.randperm(n, generator=torch.Generator().manual_seed(seed_of(seed, "epoch", epoch)))
        for samples in order.split(batch_size):
            yield step, samples
            step += 1


def share_of(samples: torch.Tensor, process: int, processes: int) -> tuple[torch.Tensor, float]:
    """Return the samples of a batch that one of several processes takes, and the weight of its mean loss.

    The mean over the processes of weight times loss is the mean loss of the batch. A batch with fewer
    samples than processes leaves some with a sample of weight 0, so that all take part in every step.
    """
    share = samples.tensor_split(processes)[process]
    return (share if len(share) else samples[:1]), processes * len(share) / len(samples)


def draw(
    data: TrainingData, samples: torch.Tensor, step: int, timesteps: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Draw latents, noise and timesteps for one step; each sample's depend on (seed, step, sample) alone."""
    latents, noise, times = [], [], []
    for sample in samples.tolist():
        rng = torch.Generator().manual_seed(seed_of(seed, "step", step, sample))
        flip = int(torch.randint(len(data.mean), (), generator=rng))
        mean = data.mean[flip, sample]
        latents.append(mean + data.std[flip, sample] * torch.randn(mean.shape, generator=rng))
        noise.append(torch.randn(mean.shape, generator=rng))
        times.append(torch.randint(timesteps, (), generator=rng))
    return torch.stack(latents), torch.stack(noise), torch.stack(times)


def loss_of(
    unet: UNet2DConditionModel,
    scheduler: DDPMScheduler,
    latents: torch.Tensor,
    noise: torch.Tensor,
    times: torch.Tensor,
    text: torch.Tensor,
) -> torch.Tensor:
    """Return the mean squared error of the prediction, whose target follows the scheduler's ``prediction_type``."""
    noisy = scheduler.add_noise(latents, noise, times)
    is_velocity = scheduler.config.prediction_type == "v_prediction"
    target = scheduler.get_velocity(latents, noise, times) if is_velocity else noise
    return F.mse_loss(unet(noisy, times, text).sample.float(), target.float())


def finetune(
    unet: UNet2DConditionModel,
    scheduler: DDPMScheduler,
    data: TrainingData,
    checkpoints: Path,
    *,
    learning_rate: float,
    weight_decay: float,
    epochs: int,
    batch_size: int,
    max_grad_norm: float,
    mixed_precision: str,
    seed: int,
    checkpoint_minutes: float,
) -> list[float]:
    """Train ``unet`` in place by AdamW at a constant learning rate; return the mean loss of each epoch.

    Args:
        scheduler: a ``DDPMScheduler`` made from the base model's scheduler configuration.
        checkpoints: folder of this run's checkpoints. One that is found there is gone on from; the
            folder must belong to this very run (its inputs and parameters), and is the caller's to remove.

    Raises:
        FloatingPointError: the loss or the gradient is not finite; the message says at which step. The
            state before that step is saved as a checkpoint.
        SystemExit: the process got SIGTERM (preemption, the time limit, `scancel`); a checkpoint was written.
        FencedError: a newer job on SLURM trains this model; no checkpoint was written.
    """
    accelerator = Accelerator(mixed_precision=mixed_precision)
    optimizer = torch.optim.AdamW(unet.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True)
    unet, optimizer = accelerator.prepare(unet.train(), optimizer)
    steps_per_epoch = -(-len(data.prompt) // batch_size)
    losses = torch.zeros(epochs, steps_per_epoch)
    first = _resume(accelerator, checkpoints, losses)
    saved = time.monotonic()
    plan = batches(len(data.prompt), batch_size, epochs, seed)
    progress = tqdm(plan, "finetune", losses.numel(), mininterval=10, disable=not accelerator.is_main_process)
    with _terminated() as terminated:
        for step, samples in progress:
            if step < first:
                continue
            share, weight = share_of(samples, accelerator.process_index, accelerator.num_processes)
            latents, noise, times = draw(data, share, step, scheduler.config.num_train_timesteps, seed)
            inputs = (latents, noise, times, data.text[data.prompt[share]])
            loss = weight * loss_of(unet, scheduler, *(tensor.to(accelerator.device) for tensor in inputs))
            accelerator.backward(loss)
            norm = accelerator.clip_grad_norm_(unet.parameters(), max_grad_norm)
            due = time.monotonic() - saved > 60 * checkpoint_minutes
            # One exchange a step: the loss of the batch, and whether any process has a reason to save or to stop.
            report = torch.stack([loss.detach(), *loss.new_tensor([due, len(terminated)])])
            losses.view(-1)[step], due, stop = accelerator.reduce(report, "mean").cpu()
            # The scaler of float16 skips a step whose gradient overflows, and goes on.
            if not losses.view(-1)[step].isfinite() or (accelerator.scaler is None and not norm.isfinite()):
                _save(accelerator, checkpoints, step, losses)
                raise FloatingPointError(
                    f"the loss is {losses.view(-1)[step]}, the norm of its gradient {norm} at step {step}; lower "
                    f"finetune.learning_rate. The state before this step is kept in {checkpoints}"
                )
            optimizer.step()
            optimizer.zero_grad()
            if due or stop:
                _save(accelerator, checkpoints, step + 1, losses)
                saved = time.monotonic()
            if stop:
                print(f"stopped by SIGTERM after step {step}; run again, it goes on from there")
                sys.exit(128 + signal.SIGTERM)
    return losses.mean(1).tolist()


@contextmanager
def _terminated() -> Iterator[list[int]]:
    """Yield a list that a SIGTERM is put on, so that the step in hand ends and is saved."""
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)


def _save(accelerator: Accelerator, checkpoints: Path, step: int, losses: torch.Tensor) -> None:
    """Write a checkpoint under a temporary name, rename it, and keep the newest two."""
    fence.check()  # In every process: one that stopped alone would be waited for.
    with ExitStack() as stack:
        temporary = Path()
        if accelerator.is_main_process:
            temporary = stack.enter_context(replacing(checkpoints / f"step-{step:08d}"))
        (temporary,) = broadcast_object_list([temporary])
        accelerator.save_state(str(temporary))
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            torch.save({"step": step, "losses": losses}, temporary / "progress.pt")
    if accelerator.is_main_process:
        for old in sorted(checkpoints.glob("step-*"))[:-2]:
            shutil.rmtree(old, ignore_errors=True)
    accelerator.wait_for_everyone()


def _resume(accelerator: Accelerator, checkpoints: Path, losses: torch.Tensor) -> int:
    """Load the newest checkpoint that can be read; return the step to go on with."""
    for folder in sorted(checkpoints.glob("step-*"), reverse=True):
        try:
            progress = torch.load(folder / "progress.pt", weights_only=True)
            accelerator.load_state(str(folder))
        except (OSError, RuntimeError, ValueError, KeyError, EOFError, UnpicklingError, SafetensorError) as error:
            fence.check()
            print(f"checkpoint {folder} cannot be read ({error}); removed, trying the one before")
            shutil.rmtree(folder, ignore_errors=True)
            continue
        losses.copy_(progress["losses"])
        print(f"resumed from {folder}")
        return progress["step"]
    return 0
