"""Entropy selection: keep images that are far from each other, so that the set that is left is diverse."""

from scripts.lib.curation.candidates import Kept, Needs
from scripts.lib.curation.top_share import TopShare, curate

__all__ = ["SHAPE", "Settings", "curate", "keeps", "needs"]

SHAPE = "triangle-right"


class Settings(TopShare):
    """Keep images that are far from each other, by the reward `farthest_point` (greedy selection, 2509.16499)."""


def needs(_: Settings) -> Needs:
    """Return what the step reads and makes."""
    return Needs(reward="farthest_point")


def keeps(settings: Settings) -> Kept:
    """Return the shares of generated and of real images that are kept."""
    return Kept(settings.keep)
