"""What a trainable is: the part of an engine's network that a fine-tune changes, and how it lies on the disk."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from scripts.lib.base.kinds import kinds
from scripts.lib.base.safetensors_files import Shapes
from scripts.lib.engines.engine import Engine, Flops

if TYPE_CHECKING:
    import torch


class Trainable(Protocol):
    """A module of ``training/trainables``. It imports torch only inside its functions.

    Attributes:
        Settings: a pydantic model of its settings.
        KEEPS: what ``save`` writes, such as ``network``. A fine-tune starts only from a model that was kept so.
        MEMORY: how often the size of the base model lies in the memory of a fine-tune.
        CHECKPOINT: how often the size of what one fine-tune trains lies in a checkpoint.
    """

    Settings: type[Any]
    KEEPS: str
    MEMORY: int
    CHECKPOINT: int

    def check(self, engine: Engine, model: Path, settings: Any) -> None:
        """Refuse settings that do not fit a base model, by its headers, without torch.

        Raises:
            ModelError: names the setting.
        """

    def load(self, engine: Engine, model: Path, trained: Path | None) -> Any:
        """Return the engine's network as the base model has it, or as a fine-tune has left it, to make images with.

        Args:
            engine: of the base model.
            model: folder of the base model.
            trained: folder that ``save`` has written.
        """

    def prepare(self, engine: Engine, model: Path, start: Path | None, settings: Any) -> Any:
        """Return a network that can be trained. What is drawn comes from torch's global generator.

        Args:
            engine: of the base model.
            model: folder of the base model.
            start: folder that ``save`` has written, to start from; None: the base model.
            settings: an instance of ``Settings``.
        """

    def parameters(self, network: Any) -> "Iterable[torch.nn.Parameter]":
        """Return the parameters of a prepared network that are trained."""

    def save(self, network: Any, folder: Path) -> None:
        """Write all that ``load`` needs besides the base model, safetensors."""

    def size(self, parameters: Shapes, settings: Any) -> int:
        """Return the bytes of what one fine-tune trains, in float32.

        Args:
            parameters: the shapes of those of the network, by name.
            settings: an instance of ``Settings``.
        """

    def kept(self, parameters: Shapes, settings: Any, length: int) -> int:
        """Return the bytes that ``save`` writes after ``length`` fine-tunes, each started from the one before."""

    def operations(self, flops: Flops) -> int:
        """Return the floating-point operations of one training sample, without the frozen parts."""


def trainable_of(name: str) -> Trainable:
    """Return the trainable of that name."""
    return cast(Trainable, kinds("training.trainables")[name])
