"""What the device reports of the steps of a fine-tune, read every few steps, so that nobody waits for it in between.

A step whose loss or gradient is not finite must not be taken. To know that, one would have to wait for the device
in each step. Instead the device itself leaves out that step and all after it, until the next reading finds it:
the state is then the one before that step, as if it had been read at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator

from scripts.lib.training import checkpoints

if TYPE_CHECKING:
    from diffusers.training_utils import EMAModel

STEPS = 8  # Between two readings on a GPU: a SIGTERM waits for so many at most.


def steps_between(accelerator: Accelerator, optimizer: torch.optim.Optimizer, average: "EMAModel | None") -> int:
    """Return after how many steps reports are read.

    After each one where nothing is gained, on the CPU, and where the device cannot leave out a step by itself: the
    optimizer has no switch for it, the scaler of float16 uses the switch, or an average would follow all the same.
    """
    leaves_out = getattr(optimizer, "_step_supports_amp_scaling", False)
    waits = accelerator.device.type == "cpu" or accelerator.scaler is not None or average is not None
    return STEPS if leaves_out and not waits else 1


class Reports:
    """The reports of the steps that have not been read yet.

    Attributes:
        full: whether there are so many that they are to be read.
    """

    def __init__(self, accelerator: Accelerator, optimizer: torch.optim.Optimizer, every: int) -> None:
        """Begin without a report.

        Args:
            accelerator: has prepared the network.
            optimizer: the one that takes the steps, not the accelerator's cover of it.
            every: after how many steps reports are read; above 1, the optimizer has to be a fused one of torch.
        """
        self._accelerator, self._optimizer, self._every = accelerator, optimizer, every
        self._rows: list[torch.Tensor] = []
        self._broken = torch.zeros((), device=accelerator.device)

    @property
    def full(self) -> bool:
        return len(self._rows) >= self._every

    def add(self, loss: torch.Tensor, norm: torch.Tensor, due: bool, stop: int) -> None:
        """Add the report of a step before it is taken, the mean over all processes: one exchange per step.

        Args:
            loss: this process's part of the loss of the batch.
            norm: of the gradient, the same in each process.
            due: whether this process has a reason to save.
            stop: above 0 where it has one to stop.
        """
        # Made on the device: a copy from the host would wait.
        reasons = (torch.full_like(loss, reason) for reason in (due, stop))
        row = self._accelerator.reduce(torch.stack([loss, norm.to(loss), *reasons]), "mean")
        self._rows.append(row)
        if self._every > 1:
            self._broken = torch.maximum(self._broken, (~row[:2].isfinite()).any().float())
            self._optimizer.found_inf = self._broken  # type: ignore[attr-defined]  # torch.amp sets it in this way.

    def read(self, saved: Path, losses: torch.Tensor, step: int) -> tuple[bool, bool]:
        """Wait for the device, and write the losses of the steps since the last reading.

        Args:
            saved: folder of this run's checkpoints.
            losses: of all steps.
            step: the one in hand.

        Returns:
            Whether any process has a reason to save, and to stop.

        Raises:
            FloatingPointError: the loss or the gradient of a step is not finite; the state before it is saved.
        """
        rows = torch.stack(self._rows).cpu()
        self._rows.clear()
        first = step + 1 - len(rows)
        for number, (loss, norm) in enumerate(rows[:, :2], start=first):
            losses[number] = loss
            self._refuse_divergence(saved, losses, number, norm)
        due, stop = rows[:, 2:].sum(0).bool().tolist()
        return due, stop

    def _refuse_divergence(self, saved: Path, losses: torch.Tensor, step: int, norm: torch.Tensor) -> None:
        """Stop at a step whose loss or gradient is not finite; the scaler of float16 skips such a gradient itself."""
        if losses[step].isfinite() and (norm.isfinite() or self._accelerator.scaler is not None):
            return
        checkpoints.save(self._accelerator, saved, step, losses)
        raise FloatingPointError(
            f"the loss is {losses[step]}, the norm of its gradient {norm} at step {step}; lower "
            f"finetune.learning_rate. The state before this step is kept in {saved}"
        )
