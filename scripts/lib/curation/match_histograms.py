"""The color control: match the colors of each image to those of its most similar real image (paper, section 2.5)."""

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt
from tqdm import tqdm

from scripts.lib.base import imageset
from scripts.lib.curation.candidates import Curated, Inputs, Needs, decided
from scripts.lib.experiment.config.section import Section

SHAPE = "diamond"  # The paper's sign for this control.

YCBCR_LOWEST, YCBCR_HIGHEST = 16, 240  # studio range of rgb2ycbcr: Y ends at 235, Cb and Cr at 240


class Settings(Section):
    """The color control: match each image to its most similar real one (paper, section 2.5)."""

    bins: PositiveInt = Field(256, description="Bins of the histograms that choose the real image.")
    pseudo_count: PositiveFloat = Field(
        1e-6, description="Added to every bin before normalization, so that the divergence is finite."
    )
    divergence: Literal["generated_real", "real_generated"] = Field(
        "generated_real", description="KL(generated, real) or KL(real, generated)."
    )
    candidates: Literal["all", "group"] = Field(
        "all",
        description="Real images that an image may be matched to: all of the experiment, whatever their group, or only "
        "those of its own group.",
    )


def needs(_: Settings) -> Needs:
    """Return what a step reads and makes."""
    return Needs(real=True, rewrites=True)


def curate(candidates: pd.DataFrame, settings: Settings, inputs: Inputs) -> Curated:
    """Write each candidate again in the colors of a real image; the column ``matched_to`` names that image."""
    assert inputs.real is not None
    images = imageset.read_rows(candidates, inputs.root)
    metadata, real = imageset.read(inputs.real)
    groups = None if settings.candidates == "all" else (candidates["group"].to_numpy(), metadata["group"].to_numpy())
    matched, nearest = match_to_real(
        images,
        real,
        bins=settings.bins,
        pseudo_count=settings.pseudo_count,
        divergence=settings.divergence,
        groups=groups,
    )
    return Curated(decided(candidates), {"matched_to": metadata["file_name"].to_numpy()[nearest]}, matched)


def to_ycbcr(image: np.ndarray) -> np.ndarray:
    """Convert RGB, uint8 (height, width, 3), to YCbCr in the studio range, equal on every processor.

    The last bits of the conversion differ between processors. They would part colors of equal chroma, as all grays
    have, and put them on either side of a histogram's edge.
    """
    from skimage.color import rgb2ycbcr

    return rgb2ycbcr(image).round(9)


def histograms(images: np.ndarray, bins: int, pseudo_count: float) -> np.ndarray:
    """Return the YCbCr histograms of uint8 images (n, height, width, 3) as probabilities (n, 3, bins)."""
    edges = np.linspace(YCBCR_LOWEST, YCBCR_HIGHEST, bins + 1)
    channels = (to_ycbcr(image).transpose(2, 0, 1) for image in images)
    counts = np.array([[np.histogram(channel, edges)[0] for channel in image] for image in channels])
    counts = counts + pseudo_count
    return counts / counts.sum(-1, keepdims=True)


def divergences(generated: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Return KL(generated i, real j) in nats, averaged over channels: (n, 3, bins), (m, 3, bins) to (n, m).

    ``scipy.stats.entropy(generated[i, c], real[j, c])`` for all pairs at once.
    """
    entropy = (generated * np.log(generated)).sum(-1).mean(-1)
    cross = np.einsum("icb,jcb->ij", generated, np.log(real)) / generated.shape[1]
    return entropy[:, None] - cross


def match_to_real(
    generated: np.ndarray,
    real: np.ndarray,
    *,
    bins: int,
    pseudo_count: float,
    divergence: str,
    groups: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Match each generated image's YCbCr histograms to those of its most similar real image.

    The real image is the one of least Kullback-Leibler divergence averaged over the three channels.
    Pixel values stay floats from RGB to RGB and are rounded to whole levels once: truncating would darken the
    images a little in every iteration.

    Args:
        generated, real: uint8 (n, height, width, 3) and (m, height, width, 3).
        divergence: ``generated_real`` or ``real_generated``.
        groups: the groups of the generated images (n,) and of the real ones (m,), to choose only among the real
            images of an image's own group; None chooses among all.

    Returns:
        The matched images, uint8, and for each the index of its real image.

    Raises:
        ValueError: a group has generated images and no real one.
    """
    from skimage.color import ycbcr2rgb
    from skimage.exposure import match_histograms

    ours, theirs = histograms(generated, bins, pseudo_count), histograms(real, bins, pseudo_count)
    table = divergences(ours, theirs) if divergence == "generated_real" else divergences(theirs, ours).T
    if groups is not None:
        own = groups[0][:, None] == groups[1]
        if not own.any(1).all():
            raise ValueError(f"group {groups[0][~own.any(1)][0]}: no real image to match to")
        table = np.where(own, table, np.inf)
    nearest = table.argmin(1)
    matched = np.empty_like(generated)
    for i, image in enumerate(tqdm(generated, desc="match", mininterval=10)):
        target = to_ycbcr(real[nearest[i]])
        rgb = ycbcr2rgb(match_histograms(to_ycbcr(image), target, channel_axis=-1))
        matched[i] = np.rint(rgb.clip(0, 1) * 255)
    return matched, nearest
