"""Full: all weights of the network are trained, as in the paper."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.lib.engines.engine import Engine
from scripts.lib.experiment.config.section import Section

if TYPE_CHECKING:
    import torch

MEMORY = 4  # The weights, their gradients, and AdamW's two moments.
CHECKPOINT = 3  # The weights and AdamW's two moments.


class Settings(Section):
    """Full: all weights of the network are trained, as in the paper."""


def load(engine: Engine, model: Path, trained: Path | None) -> Any:
    """Return the network that lies in ``trained``, else that of the base model."""
    return engine.network(trained or model / engine.COMPONENT)


def wrap(network: Any, settings: Settings) -> Any:  # noqa: ARG001
    """Return the network as it is."""
    return network


def parameters(network: Any) -> "Iterable[torch.nn.Parameter]":
    """Return all parameters."""
    return network.parameters()


def save(network: Any, folder: Path) -> None:
    """Write the network as diffusers lays it out, in one file of weights."""
    network.save_pretrained(folder, max_shard_size="100GB")
