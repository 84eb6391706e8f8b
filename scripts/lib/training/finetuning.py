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
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from accelerate import Accelerator
from tqdm import tqdm

from scripts.lib.engines.engine import Objective
from scripts.lib.experiment.choices import Optimizer
from scripts.lib.training import checkpoints
from scripts.lib.training.optimizers import optimizer_of
from scripts.lib.training.reports import Reports, steps_between
from scripts.lib.training.training_data import TrainingData, batches, draw, dropped, share_of

if TYPE_CHECKING:
    from diffusers.training_utils import EMAModel


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


def moving_average(parameters: list[torch.nn.Parameter], decay: float) -> "EMAModel":
    """Return an exponential moving average of parameters, of at most (1 + step) / (10 + step) in the first steps."""
    from diffusers.training_utils import EMAModel  # Seconds to import, and seldom wanted.

    return EMAModel(parameters, decay=decay)


def finetune(
    network: torch.nn.Module,
    parameters: Iterable[torch.nn.Parameter],
    objective: Objective,
    data: TrainingData,
    saved: Path,
    *,
    learning_rate: float,
    weight_decay: float,
    optimizer: Optimizer = "adamw",
    steps: int,
    batch_size: int,
    max_grad_norm: float,
    accumulate: int = 1,
    average: "EMAModel | None" = None,
    mixed_precision: str,
    seed: int,
    checkpoint_minutes: float,
) -> list[float]:
    """Train ``network`` in place at a constant learning rate; return the mean loss of each epoch, begun ones too.

    Args:
        parameters: those of the network that are trained.
        optimizer: which one takes the steps.
        average: of the parameters, as ``moving_average`` returns it; each step updates it.
        accumulate: in how many parts a process computes its share of a batch, one after the other.
        saved: folder of this run's checkpoints. One that is found there is gone on from; the folder
            must belong to this very run (its inputs and parameters), and is the caller's to remove.

    Raises:
        FloatingPointError: the loss or the gradient is not finite; the message says at which step. The
            state before that step is saved as a checkpoint.
        SystemExit: the process got SIGTERM (preemption, the time limit, `scancel`); a checkpoint was written.
        FencedError: a newer job on SLURM trains this model; no checkpoint was written.
    """
    accelerator, trained = Accelerator(mixed_precision=mixed_precision), list(parameters)
    chosen = optimizer_of(optimizer, trained, learning_rate, weight_decay)
    if average:
        _follow(accelerator, chosen, trained, average)
    network, stepper = accelerator.prepare(network.train(), chosen)
    losses = torch.zeros(steps)
    first, last_save = checkpoints.resume(accelerator, saved, losses), time.monotonic()
    reports = Reports(accelerator, chosen, steps_between(accelerator, chosen, average))
    plan = islice(batches(len(data.prompt), batch_size, seed), first, steps)
    silent = not accelerator.is_main_process
    with _terminated() as terminated:
        for step, samples in tqdm(plan, "finetune", steps, mininterval=10, disable=silent, initial=first):
            loss = _backward(accelerator, network, objective, data, samples, step, seed, accumulate)
            norm = accelerator.clip_grad_norm_(trained, max_grad_norm)
            due = time.monotonic() - last_save > 60 * checkpoint_minutes
            reports.add(loss, norm, due, len(terminated))
            due, stop = reports.read(saved, losses, step) if reports.full or step == steps - 1 else (False, False)
            stepper.step()
            stepper.zero_grad()
            if due or stop:
                checkpoints.save(accelerator, saved, step + 1, losses)
                last_save = time.monotonic()
            if stop:
                _stop(step)
    return [epoch.mean().item() for epoch in losses.split(-(-len(data.prompt) // batch_size))]


def _stop(step: int) -> NoReturn:
    print(f"stopped by SIGTERM after step {step}; run it again, and it resumes from there")
    sys.exit(128 + signal.SIGTERM)


def _follow(
    accelerator: Accelerator, optimizer: torch.optim.Optimizer, trained: list[torch.nn.Parameter], average: "EMAModel"
) -> None:
    """Let an average follow the steps of an optimizer, and lie in the checkpoints."""

    def follow(*_: Any) -> None:
        average.to(trained[0].device)  # A checkpoint is read on the CPU.
        average.step(trained)

    accelerator.register_for_checkpointing(average)
    optimizer.register_step_post_hook(follow)


def _backward(
    accelerator: Accelerator,
    network: torch.nn.Module,
    objective: Objective,
    data: TrainingData,
    samples: torch.Tensor,
    step: int,
    seed: int,
    parts: int,
) -> torch.Tensor:
    """Add the gradient of this process's part of the loss of a batch, and return that part.

    The mean over all processes is the loss. The network sees one of ``parts`` of the samples at a time.
    """
    total = torch.zeros((), device=accelerator.device)
    for part in range(parts):
        number = accelerator.process_index * parts + part
        share, weight = share_of(samples, number, accelerator.num_processes * parts)
        drawn = draw(data, share, step, objective, seed)
        latents, noise, levels = (_sent(tensor, accelerator.device) for tensor in drawn)
        told = data.text_of(share, dropped(share, step, data.dropout, seed))
        text = {name: _sent(tensor, accelerator.device) for name, tensor in told.items()}
        # Processes exchange gradients once, with the last part.
        with nullcontext() if part == parts - 1 else accelerator.no_sync(network):
            loss = weight / parts * objective.loss(network, latents, noise, levels, text)
            accelerator.backward(loss)
        total += loss.detach()
    return total


def _sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a tensor on a device; a copy to a GPU does not wait for what the GPU still computes."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


@contextmanager
def _terminated() -> Iterator[list[int]]:
    """Yield a list that a SIGTERM is put on, so that the step in hand ends and is saved."""
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)
