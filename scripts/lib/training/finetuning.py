"""Retrain the network of an engine (paper, section 2.3).

The training loop is that of diffusers' ``train_text_to_image.py``, with three differences: the
frozen parts run once and not in every step, every random draw is a function of (seed, step,
sample), and a run that was stopped resumes where it was and ends in the same weights. Under
``accelerate launch`` each process takes its share of every batch.
"""

import ctypes
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import torch
from accelerate import Accelerator
from tqdm import tqdm

from scripts.lib.engines.engine import Objective
from scripts.lib.training import checkpoints
from scripts.lib.training.training_data import TrainingData, batches, draw, share_of


def keep_freed_memory() -> None:
    """Let this process keep the memory it frees, mallopt(3) of glibc; other C libraries are left as they are.

    By default glibc returns every tensor of 32 MB or more to the system and gets zeroed pages for the next:
    at full size a third of a step on the CPU, by the gradients.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option:
        m_trim_threshold, m_mmap_max = -1, -4  # malloc.h
        set_option(m_mmap_max, 0)
        set_option(m_trim_threshold, -1)


def finetune(
    network: torch.nn.Module,
    parameters: Iterable[torch.nn.Parameter],
    objective: Objective,
    data: TrainingData,
    saved: Path,
    *,
    learning_rate: float,
    weight_decay: float,
    steps: int,
    batch_size: int,
    max_grad_norm: float,
    mixed_precision: str,
    seed: int,
    checkpoint_minutes: float,
) -> list[float]:
    """Train ``network`` in place by AdamW at a constant learning rate; return the mean loss of each epoch.

    The last epoch may be a part of one.

    Args:
        parameters: those of the network that are trained.
        saved: folder of this run's checkpoints. One that is found there is gone on from; the folder
            must belong to this very run (its inputs and parameters), and is the caller's to remove.

    Raises:
        FloatingPointError: the loss or the gradient is not finite; the message says at which step. The
            state before that step is saved as a checkpoint.
        SystemExit: the process got SIGTERM (preemption, the time limit, `scancel`); a checkpoint was written.
        FencedError: a newer job on SLURM trains this model; no checkpoint was written.
    """
    accelerator, trained = Accelerator(mixed_precision=mixed_precision), list(parameters)
    optimizer = torch.optim.AdamW(trained, lr=learning_rate, weight_decay=weight_decay, fused=True)
    network, optimizer = accelerator.prepare(network.train(), optimizer)
    losses = torch.zeros(steps)
    first = checkpoints.resume(accelerator, saved, losses)
    last_save = time.monotonic()
    plan = islice(batches(len(data.prompt), batch_size, seed), first, steps)
    silent = not accelerator.is_main_process
    with _terminated() as terminated:
        for step, samples in tqdm(plan, "finetune", steps, mininterval=10, disable=silent, initial=first):
            loss = _loss(accelerator, network, objective, data, samples, step, seed)
            accelerator.backward(loss)
            norm = accelerator.clip_grad_norm_(trained, max_grad_norm)
            due = time.monotonic() - last_save > 60 * checkpoint_minutes
            # One exchange per step: the loss of the batch, and whether any process has a reason to save or to stop.
            report = torch.stack([loss.detach(), *loss.new_tensor([due, len(terminated)])])
            losses[step], due, stop = accelerator.reduce(report, "mean").cpu()
            # The scaler of float16 skips a step whose gradient overflows, and continues.
            if not losses[step].isfinite() or (accelerator.scaler is None and not norm.isfinite()):
                checkpoints.save(accelerator, saved, step, losses)
                raise FloatingPointError(_diverged(losses[step], norm, step, saved))
            optimizer.step()
            optimizer.zero_grad()
            if due or stop:
                checkpoints.save(accelerator, saved, step + 1, losses)
                last_save = time.monotonic()
            if stop:
                print(f"stopped by SIGTERM after step {step}; run it again, and it resumes from there")
                sys.exit(128 + signal.SIGTERM)
    return [epoch.mean().item() for epoch in losses.split(-(-len(data.prompt) // batch_size))]


def _loss(
    accelerator: Accelerator,
    network: torch.nn.Module,
    objective: Objective,
    data: TrainingData,
    samples: torch.Tensor,
    step: int,
    seed: int,
) -> torch.Tensor:
    """Return this process's part of the loss of a batch; the mean over all processes is the loss."""
    share, weight = share_of(samples, accelerator.process_index, accelerator.num_processes)
    drawn = draw(data, share, step, objective, seed)
    latents, noise, levels = (tensor.to(accelerator.device) for tensor in drawn)
    text = {name: tensor.to(accelerator.device) for name, tensor in data.text_of(share).items()}
    return weight * objective.loss(network, latents, noise, levels, text)


def _diverged(loss: torch.Tensor, norm: torch.Tensor, step: int, saved: Path) -> str:
    return (
        f"the loss is {loss}, the norm of its gradient {norm} at step {step}; lower finetune.learning_rate. "
        f"The state before this step is kept in {saved}"
    )


@contextmanager
def _terminated() -> Iterator[list[int]]:
    """Yield a list that a SIGTERM is put on, so that the step in hand ends and is saved."""
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)
