"""What a trainable is: the part of an engine's network that a fine-tune changes, and how it lies on the disk."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from scripts.lib.base.kinds import kinds
from scripts.lib.engines.engine import Engine

if TYPE_CHECKING:
    import torch


class Trainable(Protocol):
    """A module of ``training/trainables``. It imports torch only inside its functions.

    Attributes:
        Settings: a pydantic model of its settings.
        MEMORY: how often the size of the base model lies in the memory of a fine-tune.
        CHECKPOINT: how often the size of what ``save`` writes lies in a checkpoint.
    """

    Settings: type[Any]
    MEMORY: int
    CHECKPOINT: int

    def load(self, engine: Engine, model: Path, trained: Path | None) -> Any:
        """Return the engine's network as the base model has it, or with what ``save`` has written.

        Args:
            engine: of the base model.
            model: folder of the base model.
            trained: folder that ``save`` has written.
        """

    def wrap(self, network: Any, settings: Any) -> Any:
        """Return a network that can be trained."""

    def parameters(self, network: Any) -> "Iterable[torch.nn.Parameter]":
        """Return the parameters of a wrapped network that are trained."""

    def save(self, network: Any, folder: Path) -> None:
        """Write ``config.json`` and ``diffusion_pytorch_model.safetensors``, the outputs of the rule."""


def trainable_of(name: str) -> Trainable:
    """Return the trainable of that name."""
    return cast(Trainable, kinds("training.trainables")[name])
