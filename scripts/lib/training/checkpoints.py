"""Checkpoints of a fine-tune: written whole or not at all, read from the newest that can be read."""

import shutil
from contextlib import ExitStack
from pathlib import Path
from pickle import UnpicklingError

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from safetensors import SafetensorError

from scripts.lib.base import fence
from scripts.lib.base.atomic import replacing


def save(accelerator: Accelerator, checkpoints: Path, step: int, losses: torch.Tensor) -> None:
    """Write a checkpoint under a temporary name, rename it, and keep the newest two.

    What is frozen is left out: the caller has it.

    Args:
        accelerator: has prepared the network and its optimizer.
        checkpoints: folder of this run's checkpoints.
        step: with which a run resumes from here.
        losses: of the steps before.

    Raises:
        FencedError: a newer job on SLURM trains this model.
    """
    fence.check()  # In every process: one that stopped alone would be waited for.
    with ExitStack() as stack:
        temporary = Path()
        if accelerator.is_main_process:
            temporary = stack.enter_context(replacing(checkpoints / f"step-{step:08d}"))
        (temporary,) = broadcast_object_list([temporary])
        hook = accelerator.register_save_state_pre_hook(_leave_out_frozen)
        accelerator.save_state(str(temporary))
        hook.remove()
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            torch.save({"step": step, "losses": losses}, temporary / "progress.pt")
    if accelerator.is_main_process:
        for old in sorted(checkpoints.glob("step-*"))[:-2]:
            shutil.rmtree(old, ignore_errors=True)
    accelerator.wait_for_everyone()


def resume(accelerator: Accelerator, checkpoints: Path, losses: torch.Tensor) -> int:
    """Load the newest checkpoint that can be read, with its losses; return the step to go on with."""
    for folder in sorted(checkpoints.glob("step-*"), reverse=True):
        try:
            progress = torch.load(folder / "progress.pt", weights_only=True)
            accelerator.load_state(str(folder), strict=False)  # What is frozen is not in it.
        except (OSError, RuntimeError, ValueError, KeyError, EOFError, UnpicklingError, SafetensorError) as error:
            fence.check()
            print(f"checkpoint {folder} cannot be read ({error}); removed, trying the one before")
            shutil.rmtree(folder, ignore_errors=True)
            continue
        losses.copy_(progress["losses"])
        print(f"resumed from {folder}")
        return progress["step"]
    return 0


def _leave_out_frozen(networks: list[torch.nn.Module], weights: list[dict[str, torch.Tensor]], _: str) -> None:
    """Take the frozen parameters from what accelerate is about to write."""
    for network, tensors in zip(networks, weights, strict=True):
        for name, parameter in network.named_parameters():
            if not parameter.requires_grad:
                del tensors[name]
