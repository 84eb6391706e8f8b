"""Full: all weights of the network are trained, as in the paper."""

from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.lib.base.safetensors_files import Shapes
from scripts.lib.engines.engine import Engine, Flops
from scripts.lib.experiment.config.section import Section

if TYPE_CHECKING:
    import torch

KEEPS = "network"
MEMORY = 4  # The weights, their gradients, and AdamW's two moments.
CHECKPOINT = 3  # The weights and AdamW's two moments.


class Settings(Section):
    """Full: all weights of the network are trained, as in the paper."""


def check(engine: Engine, model: Path, settings: Settings) -> None:
    """Pass every base model."""


def load(engine: Engine, model: Path, trained: Path | None) -> Any:
    """Return the network that lies in ``trained``, else that of the base model."""
    return engine.network(trained or model / engine.COMPONENT)


def prepare(engine: Engine, model: Path, start: Path | None, settings: Settings) -> Any:  # noqa: ARG001
    """Return the network as it is."""
    return load(engine, model, start)


def parameters(network: Any) -> "Iterable[torch.nn.Parameter]":
    """Return all parameters."""
    return network.parameters()


def save(network: Any, folder: Path) -> None:
    """Write the network as diffusers lays it out, in one file of weights."""
    network.save_pretrained(folder, max_shard_size="100GB")


def size(parameters: Shapes, settings: Any) -> int:  # noqa: ARG001
    """Return the bytes of the whole network."""
    return 4 * sum(map(prod, parameters.values()))


def kept(parameters: Shapes, settings: Any, length: int) -> int:  # noqa: ARG001
    """Return the bytes of the whole network."""
    return size(parameters, settings)


def operations(flops: Flops) -> int:
    """Return those of a forward pass, and of the gradients of activations and weights."""
    return flops.training
