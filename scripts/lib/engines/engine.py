"""What an engine is: a family of pipelines, such as Stable Diffusion 1 and 2, and what the loop needs to know of it.

Each engine is a module of this room that defines what ``Engine`` lists. It is found by the class that the
``model_index.json`` of a base model names.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from scripts.lib.base.kinds import kinds
from scripts.lib.base.safetensors_files import ModelError, Shapes, read_json
from scripts.lib.experiment.choices import Mode, NoiseLevels

if TYPE_CHECKING:
    import torch
    from diffusers import DiffusionPipeline

    Tensors = dict[str, torch.Tensor]


class Flops(NamedTuple):
    """Floating-point operations for one image, and the parameters of the network that is trained.

    Attributes:
        forward: one forward pass of the network.
        training: a forward and a backward pass of it.
        encode, decode: the autoencoder's halves.
        text: one prompt.
        parameters: their shapes, by name.
        rounds_up: whether image-to-image rounds the number of steps that it runs up.
        guided: passes of the network for one step under guidance: 2, or 1 where the network is told its guidance.
    """

    forward: int
    training: int
    encode: int
    decode: int
    text: int
    parameters: Shapes
    rounds_up: bool = False
    guided: int = 2


def steps_run(steps: int, strength: float, *, rounds_up: bool) -> int:
    """Return how many of ``steps`` image-to-image runs; diffusers' families round in two ways."""
    return steps - int(steps - steps * strength) if rounds_up else int(steps * strength)


class Edges(NamedTuple):
    """Edges of the square images that a base model makes, in pixels: multiples of one number, up to another."""

    multiple: int
    largest: int | None


class Encoder(Protocol):
    """The frozen parts of a base model, which run once over a training set. Their results are on the CPU."""

    def encode_text(self, prompts: list[str]) -> "Tensors":
        """Return what the network needs to know of each prompt, by name; the first axis of each is the prompts."""

    def encode_image(self, pixels: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """Return the mean and the standard deviation of the scaled latents, (n, channels, height, width) each.

        Args:
            pixels: (n, 3, height, width) in [-1, 1].
        """


class Objective(Protocol):
    """What the network is trained to predict, and at which levels of noise.

    Attributes:
        density: how the levels are drawn, `uniform` or `logit_normal`.
    """

    density: str

    def draw_level(self, latents: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":
        """Return the level of noise of one sample, in the engine's own terms.

        Args:
            latents: of the sample, (channels, height, width).
            generator: the source of all that is random.
        """

    def loss(
        self,
        network: "torch.nn.Module",
        latents: "torch.Tensor",
        noise: "torch.Tensor",
        levels: "torch.Tensor",
        text: "Tensors",
    ) -> "torch.Tensor":
        """Return the mean loss of a batch.

        Args:
            latents, noise: (n, channels, height, width).
            levels: n levels of ``draw_level``.
            text: a row per sample of what ``encode_text`` has returned.
        """

    def losses(
        self,
        network: "torch.nn.Module",
        latents: "torch.Tensor",
        noise: "torch.Tensor",
        levels: "torch.Tensor",
        text: "Tensors",
    ) -> "torch.Tensor":
        """Return the loss of each sample of a batch, (n,); arguments are those of ``loss``."""


class Engine(Protocol):
    """A module of this room. It imports torch only inside its functions, since the workflow imports every engine.

    Attributes:
        PIPELINES: the classes of diffusers whose folders the engine reads.
        COMPONENT: folder of the network that is trained.
        MODES: how it makes images.
        ROUNDS_UP: whether image-to-image rounds the number of steps that it runs up, not down.
    """

    PIPELINES: tuple[str, ...]
    COMPONENT: str
    MODES: tuple[Mode, ...]
    ROUNDS_UP: bool

    def check(self, folder: Path) -> None:
        """Refuse a base model that a later job would fail on, by its configurations and headers, without torch.

        Raises:
            ModelError: names what is wrong.
        """

    def edges(self, folder: Path) -> Edges:
        """Return which sizes of images can be made, from the configurations."""

    def build(self, folder: Path) -> dict[str, str]:
        """Build every part without reading its weights; return the class of each.

        Raises:
            ModelError: a part cannot be built.
        """

    def count(self, folder: Path, size: int | None) -> Flops:
        """Count the operations for one square image, from configurations alone.

        Args:
            size: edge of the image in pixels; None: the model's own.
        """

    def network(self, folder: Path) -> Any:
        """Return the network that is trained, from the folder of its component."""

    def encoder(self, folder: Path) -> Encoder:
        """Return the frozen parts of a base model."""

    def objective(self, folder: Path, noise_levels: NoiseLevels = "published") -> Objective:
        """Return what a base model is trained for.

        Args:
            folder: of the base model.
            noise_levels: how the levels of noise are drawn; ``published``: as when the model was trained.
        """

    def pipeline(self, mode: Mode, folder: Path, network: Any) -> "DiffusionPipeline":
        """Return the pipeline that makes images with a network and the frozen parts of a base model."""


def name_of(folder: Path) -> str:
    """Return the name of the engine of a base model.

    Args:
        folder: holds ``model_index.json``.

    Raises:
        ModelError: there is no engine for its class; names those that there are.
    """
    kind = read_json(folder / "model_index.json").get("_class_name")
    engines = kinds("engines", mark="PIPELINES")
    for name, engine in engines.items():
        if kind in engine.PIPELINES:
            return name
    known = [pipeline for engine in engines.values() for pipeline in engine.PIPELINES]
    raise ModelError(f"{folder}: a {kind}, but only {' and '.join(known)} can be retrained here")


def engine_of(folder: Path) -> Engine:
    """Return the engine of a base model.

    Raises:
        ModelError: there is no engine for its class.
    """
    return cast(Engine, kinds("engines", mark="PIPELINES")[name_of(folder)])
