"""Images as the latents of an AutoencoderKL, in the terms of the network that is trained on them."""

from pathlib import Path
from typing import TYPE_CHECKING

from scripts.lib.engines import pipelines

if TYPE_CHECKING:
    import torch


class Autoencoder:
    """The image side of an engine's frozen parts, in float32 always: that of SDXL overflows in float16."""

    def __init__(self, folder: Path) -> None:
        """Load the autoencoder of a base model on the job's device."""
        from diffusers import AutoencoderKL

        self.vae = pipelines.load(AutoencoderKL, folder / "vae").to(pipelines.device())

    def encode_image(self, pixels: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """Return the mean and the standard deviation of the scaled latents, (n, channels, height, width) each.

        Args:
            pixels: (n, 3, height, width) in [-1, 1].
        """
        import torch

        with torch.autocast(self.vae.device.type, enabled=False):
            posterior, config = self.vae.encode(pixels.to(self.vae.device)).latent_dist, self.vae.config
        mean, std, scale = posterior.mean.cpu(), posterior.std.cpu(), config.scaling_factor
        if config.latents_mean is not None and config.latents_std is not None:  # One of each channel.
            mean = mean - torch.tensor(config.latents_mean).view(1, -1, 1, 1)
            scale = scale / torch.tensor(config.latents_std).view(1, -1, 1, 1)
        elif config.shift_factor is not None:
            mean = mean - config.shift_factor
        return mean * scale, std * scale
