"""What networks are trained to predict: the noise of a diffusion, or the velocity of a flow.

An engine's objective is one of these with a ``predict`` that calls its network.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from scripts.lib.experiment.choices import NoiseLevels

if TYPE_CHECKING:
    import torch

    Tensors = dict[str, torch.Tensor]

Density = Literal["uniform", "logit_normal"]


class Prediction:
    """What a network predicts of noisy latents, and how the level of noise of a sample is drawn.

    Attributes:
        PUBLISHED: how it was drawn when the engine's models were trained.
        density: how it is drawn here.
    """

    PUBLISHED: Density = "uniform"

    def __init__(self, noise_levels: NoiseLevels) -> None:
        """Resolve what ``published`` means."""
        self.density: str = self.PUBLISHED if noise_levels == "published" else noise_levels

    def draw_place(self, number: int, generator: "torch.Generator") -> int:
        """Return a place among ``number`` levels."""
        import torch

        if self.density == "uniform":
            return int(torch.randint(number, (), generator=generator))
        place = torch.randn((), generator=generator).sigmoid()
        return min(int(place * number), number - 1)  # A sigmoid in float32 can be 1.

    def predict(
        self, network: "torch.nn.Module", noisy: "torch.Tensor", levels: "torch.Tensor", text: "Tensors"
    ) -> "torch.Tensor":
        """Return what the network predicts of noisy latents at levels of noise."""
        raise NotImplementedError

    def mixed(
        self, latents: "torch.Tensor", noise: "torch.Tensor", levels: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """Return the noisy latents, and what is to be predicted of them."""
        raise NotImplementedError

    def loss(
        self,
        network: "torch.nn.Module",
        latents: "torch.Tensor",
        noise: "torch.Tensor",
        levels: "torch.Tensor",
        text: "Tensors",
    ) -> "torch.Tensor":
        """Return the mean squared error of the prediction."""
        from torch.nn import functional

        noisy, target = self.mixed(latents, noise, levels)
        return functional.mse_loss(self.predict(network, noisy, levels, text).float(), target.float())

    def losses(
        self,
        network: "torch.nn.Module",
        latents: "torch.Tensor",
        noise: "torch.Tensor",
        levels: "torch.Tensor",
        text: "Tensors",
    ) -> "torch.Tensor":
        """Return the mean squared error of each sample, whose mean is ``loss``."""
        noisy, target = self.mixed(latents, noise, levels)
        error = self.predict(network, noisy, levels, text).float() - target.float()
        return error.square().flatten(1).mean(1)


class Denoising(Prediction):
    """Denoising at a time step (Ho et al. 2020); the target is the scheduler's ``prediction_type``."""

    def __init__(self, folder: Path, noise_levels: NoiseLevels = "published", **changes: Any) -> None:
        """Read the noise schedule.

        Args:
            folder: of the base model.
            noise_levels: how time steps are drawn.
            changes: of the scheduler's configuration.
        """
        from diffusers import DDPMScheduler

        super().__init__(noise_levels)
        self.scheduler = DDPMScheduler.from_pretrained(folder, subfolder="scheduler", local_files_only=True, **changes)

    def draw_level(self, latents: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":  # noqa: ARG002
        """Return a time step."""
        import torch

        return torch.tensor(self.draw_place(self.scheduler.config.num_train_timesteps, generator))

    def mixed(
        self, latents: "torch.Tensor", noise: "torch.Tensor", levels: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """Return the latents at time steps, and the noise or the velocity in them."""
        is_velocity = self.scheduler.config.prediction_type == "v_prediction"
        target = self.scheduler.get_velocity(latents, noise, levels) if is_velocity else noise
        return self.scheduler.add_noise(latents, noise, levels), target


class FlowMatching(Prediction):
    """The velocity from an image to noise on the straight line between them (Lipman et al. 2023; Esser et al. 2024).

    At the level s, of the scheduler's levels in (0, 1], the network sees (1 - s) x + s n of an image x and noise n, and
    predicts n - x.
    """

    def __init__(self, folder: Path, noise_levels: NoiseLevels = "published") -> None:
        """Read the levels of noise, from the most to the least.

        Args:
            folder: of the base model.
            noise_levels: how they are drawn.
        """
        from diffusers import FlowMatchEulerDiscreteScheduler

        super().__init__(noise_levels)
        scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(
            folder, subfolder="scheduler", local_files_only=True
        )
        self.levels = scheduler.sigmas
        self.steps = scheduler.config.num_train_timesteps

    def draw_level(self, latents: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":  # noqa: ARG002
        """Return a level of noise, in (0, 1]."""
        return self.levels[self.draw_place(len(self.levels), generator)]

    def mixed(
        self, latents: "torch.Tensor", noise: "torch.Tensor", levels: "torch.Tensor"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """Return the latents at levels in (0, 1], and the velocity there."""
        share = levels.view(-1, 1, 1, 1)
        return (1 - share) * latents + share * noise, noise - latents
