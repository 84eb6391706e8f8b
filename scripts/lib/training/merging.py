"""Merge the weights of two models of one architecture."""

from typing import Any

from scripts.lib.base.kinds import kinds
from scripts.lib.base.safetensors_files import ModelError


def merge(of: Any, other: Any, kind: str, settings: Any, seed: int) -> Any:
    """Return the network ``of`` with its weights merged with those of another one.

    Args:
        of, other: networks of torch.
        kind: name of a file of ``training/merges``.
        settings: an instance of its ``Settings``.
        seed: of what is drawn.

    Raises:
        ModelError: the networks are not of one architecture, or no weight's name begins as a block does.
        FloatingPointError: a merged weight is not finite.
    """
    import torch

    weights, others = of.state_dict(), other.state_dict()
    if shapes := sorted(set(_shapes(weights).items()) ^ set(_shapes(others).items())):
        raise ModelError(
            f"merge: the two models are not of one architecture; they differ in {len(shapes)} weights, such as "
            f"{shapes[0][0]} {shapes[0][1]}; merge models of one base model"
        )
    for block in getattr(settings, "blocks", {}):
        if not any(name.startswith(block) for name in weights):
            raise ModelError(
                f"merge.{kind}.blocks: no weight's name begins with {block!r}; one is {next(iter(weights))}"
            )
    generator = torch.Generator().manual_seed(seed)
    for name, weight in weights.items():
        if weight.is_floating_point():
            weight.copy_(kinds("training.merges")[kind].merged(name, weight, others[name], settings, generator))
        if not weight.isfinite().all():
            raise FloatingPointError(f"merge: {name} is not finite; lower the weight of the merge")
    return of


def _shapes(weights: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in weights.items()}
