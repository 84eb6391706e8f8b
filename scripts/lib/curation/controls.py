"""The two control experiments: color matching and culling (paper, section 2.5)."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from skimage.color import rgb2ycbcr, ycbcr2rgb
from skimage.exposure import match_histograms
from tqdm import tqdm, trange

from scripts.lib.base.seeds import seed_of
from scripts.lib.metrics.frechet_distance import frechet_distance

YCBCR_LOWEST, YCBCR_HIGHEST = 16, 240  # studio range of rgb2ycbcr: Y ends at 235, Cb and Cr at 240


def to_ycbcr(image: np.ndarray) -> np.ndarray:
    """Convert RGB, uint8 (height, width, 3), to YCbCr in the studio range, equal on every processor.

    The last bits of the conversion differ between processors. They would part colors of equal chroma, as all greys
    have, and put them on either side of a histogram's edge.
    """
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


def single_image_distances(
    generated: np.ndarray, real: np.ndarray, extract: Callable[[np.ndarray], np.ndarray], batch_size: int
) -> np.ndarray:
    """Return the single-image Fréchet distance of each pair (Shaham et al. 2019, SinGAN).

    Every position of a feature map is one sample; the distance is that of the two Gaussians.

    Args:
        generated, real: corresponding images (n, height, width, 3).
        extract: turns images into feature maps (n, positions, channels); it gets ``batch_size`` of them at
            once, since the maps of one image at 512 pixels take 12 MB.
    """
    distances: list[float] = []
    for start in trange(0, len(generated), batch_size, desc="distance", mininterval=10):
        part = slice(start, start + batch_size)
        distances += map(frechet_distance, extract(generated[part]), extract(real[part]))
    return np.array(distances)


def cull(distances: pd.DataFrame, threshold: float, *, on_reject: str, shortfall: str, seed: int) -> pd.DataFrame:
    """Reject generated images farther from their real counterpart than ``threshold``.

    Args:
        distances: ``file_name``, ``group``, ``distance``, one row a slot.
        threshold: mean distance of the first batch of generated images.
        on_reject: ``replace`` by an accepted image of the same group, at random by ``seed``, or ``drop``.
        shortfall: for a group in which none is accepted: ``error``, ``keep_best`` (its nearest image
            counts as accepted) or ``drop``.

    Returns:
        ``slot``, ``file_name`` (what the slot trains on; empty where dropped), ``group``,
        ``distance`` (of the slot's own image), ``threshold``, ``accepted``.

    Raises:
        ValueError: a group has no accepted image under ``error``.
    """
    table = distances.rename(columns={"file_name": "slot"})[["slot", "group", "distance"]]
    table = table.assign(file_name=table["slot"], threshold=threshold, accepted=table["distance"] <= threshold)
    for group, rows in table.groupby("group", sort=False):
        pool = rows.loc[rows["accepted"], "slot"].to_numpy()
        if len(pool) == 0:
            if shortfall == "error":
                raise ValueError(f"group {group}: no generated image is within {threshold:.4g}; see cull.shortfall")
            pool = rows.nsmallest(1, "distance")["slot"].to_numpy() if shortfall == "keep_best" else pool
            table.loc[table["slot"].isin(pool), "accepted"] = True
        rejected = rows.index[~table.loc[rows.index, "accepted"]]
        if on_reject == "replace" and len(pool):
            rng = np.random.default_rng(seed_of(seed, "replace", str(group)))
            table.loc[rejected, "file_name"] = rng.choice(pool, len(rejected))
        else:
            table.loc[rejected, "file_name"] = ""
    return table[["slot", "file_name", "group", "distance", "threshold", "accepted"]]
