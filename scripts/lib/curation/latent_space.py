"""Latent space filtering: keep the images whose group a probe on the base model's features is surest of."""

from scripts.lib.curation.candidates import Kept, Needs
from scripts.lib.curation.top_share import TopShare, curate

__all__ = ["SHAPE", "Settings", "curate", "keeps", "needs"]

SHAPE = "triangle-left"


class Settings(TopShare):
    """Keep the images whose group a probe is surest of, by the reward `group_probability` (LSF, 2511.12742).

    The paper's probe reads the bottleneck of the initial model's U-Net: give that reward the network
    `unet_bottleneck` and the base model.
    """


def needs(_: Settings) -> Needs:
    """Return what the step reads and makes."""
    return Needs(reward="group_probability")


def keeps(settings: Settings) -> Kept:
    """Return the shares of generated and of real images that are kept."""
    return Kept(settings.keep)
