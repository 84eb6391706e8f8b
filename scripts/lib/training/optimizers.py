"""The optimizers of a fine-tune: AdamW, and AdamW whose moments have 8 bits."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from scripts.lib.experiment.choices import Optimizer

if TYPE_CHECKING:
    import torch


def check(names: Iterable[Optimizer]) -> None:
    """Refuse an optimizer whose package is not installed.

    Raises:
        ValueError: says how to install it, and what to take instead.
    """
    if "adamw_8bit" in set(names) and find_spec("bitsandbytes") is None:
        raise ValueError(
            "finetune.optimizer: adamw_8bit needs the package bitsandbytes, which is not installed; run "
            "`pip install bitsandbytes` in this environment (with --sdm conda or apptainer: add it to "
            "envs/diffusion.yaml), or set finetune.optimizer: adamw"
        )


def optimizer_of(
    name: Optimizer, parameters: "Iterable[torch.nn.Parameter]", learning_rate: float, weight_decay: float
) -> "torch.optim.Optimizer":
    """Return an optimizer.

    Args:
        name: ``adamw``: Loshchilov & Hutter 2019; ``adamw_8bit``: its two moments in 8 bits, block by block
            (Dettmers et al. 2022, arXiv 2110.02861), 2 bytes per parameter in the place of 8.
        parameters: what is trained.
        learning_rate: constant.
        weight_decay: decoupled from the gradient.

    Raises:
        ValueError: the package of the optimizer is not installed.
    """
    import torch

    check([name])
    if name == "adamw_8bit":
        import bitsandbytes

        eight: torch.optim.Optimizer = bitsandbytes.optim.AdamW8bit(
            parameters, lr=learning_rate, weight_decay=weight_decay
        )
        return eight
    return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay, fused=True)
