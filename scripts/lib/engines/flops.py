"""Floating-point operations, counted by running networks without data.

An engine builds its networks on torch's meta device, which computes shapes and no numbers, so that neither weights nor
memory are needed. A multiplication with its addition counts as two.
"""

from collections.abc import Callable
from typing import Any


def operations(run: Callable[[], Any], *, grad: bool = False) -> int:
    """Return the floating-point operations of a function.

    Args:
        run: calls a network.
        grad: whether torch is to note what a backward pass needs.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with counter, torch.set_grad_enabled(grad):
        run()
    return counter.get_total_flops()
