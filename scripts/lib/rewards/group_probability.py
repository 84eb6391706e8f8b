"""How sure a classifier is of the group that an image shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, model_validator

from scripts.lib.base import imageset
from scripts.lib.experiment.config.features import NETWORKS, Features
from scripts.lib.experiment.config.section import Section


class Settings(Section):
    """How sure a classifier is of the group that an image shows: a softmax probe on features of the real images."""

    features: Features
    of: dict[str, str] = Field(
        default_factory=dict,
        description="The attributes whose probability is the score, such as `{gender: woman}`; none: the image's own "
        "group.",
    )
    penalty: PositiveFloat = Field(
        0.01, description="Half of it times the sum of the squared weights is added to the probe's mean loss."
    )

    @model_validator(mode="after")
    def _compares_vectors(self) -> Self:
        self.features.expect("vector", "features", "the probe reads one vector per image")
        return self


def check(settings: Settings, attributes: Mapping[str, Sequence[str]]) -> None:
    """Refuse an attribute or a value that the images do not have.

    Raises:
        ValueError: names it.
    """
    for name, value in settings.of.items():
        if value not in attributes.get(name, ()):
            known = f"one of {list(attributes[name])}" if name in attributes else f"an attribute: {list(attributes)}"
            raise ValueError(f"rewards.group_probability.of.{name}: it is {value!r}, but must be {known}")


def reward(metadata: pd.DataFrame, images: np.ndarray, settings: Settings, real: Path, batch_size: int) -> np.ndarray:
    """Return the probability of each image's group, or of the attributes ``settings.of``.

    Args:
        metadata: the table of the image set.
        images: its images, uint8 (n, height, width, 3).
        settings: the features and the attributes.
        real: the image set of the real images, on which the probe is trained.
        batch_size: images per batch of the network.

    Returns:
        float64 (n,), from 0 to 1.
    """
    network = NETWORKS[settings.features.network]
    extract = network.extractor(Path(settings.features.weights), batch_size)
    table, originals = imageset.read(real)
    groups = table["group"].to_numpy()
    names, labels = np.unique(groups, return_inverse=True)
    chances = probe(extract(originals), labels, extract(images), settings.penalty)
    if not settings.of:
        return chances[np.arange(len(images)), np.searchsorted(names, metadata["group"].to_numpy())]
    shown = table.drop_duplicates("group").set_index("group").loc[names]
    wanted = (shown[list(settings.of)] == pd.Series(settings.of)).all(axis=1).to_numpy()
    return chances[:, wanted].sum(1)


def probe(features: np.ndarray, labels: np.ndarray, others: np.ndarray, penalty: float) -> np.ndarray:
    """Return the class probabilities of images, by a multinomial logistic regression on standardized features.

    Args:
        features: of the images to learn from, (n, d).
        labels: their classes, from 0 to k - 1.
        others: of the images to judge, (m, d).
        penalty: half of it times the sum of the squared weights, without the bias, is added to the mean loss.

    Returns:
        float64 (m, k); rows add to 1.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    mean, deviation = features.mean(0, dtype=float), features.std(0, dtype=float)
    scale = np.where(deviation > 0, deviation, 1)
    known, judged = ((part - mean) / scale for part in (features, others))
    classes = int(labels.max()) + 1
    truth = np.eye(classes)[labels]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(-1, classes)
        logs = log_softmax(known @ weights[:-1] + weights[-1], axis=1)
        residual = (np.exp(logs) - truth) / len(known)
        slope = np.vstack([known.T @ residual + penalty * weights[:-1], residual.sum(0)])
        return -(logs * truth).sum() / len(known) + penalty / 2 * (weights[:-1] ** 2).sum(), slope.ravel()

    start = np.zeros((features.shape[1] + 1) * classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000}).x.reshape(-1, classes)
    chances: np.ndarray = np.exp(log_softmax(judged @ found[:-1] + found[-1], axis=1))
    return chances
