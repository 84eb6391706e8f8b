"""Whether an image shows the attributes that its prompt names, by a classifier."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from scripts.lib.base import csvs
from scripts.lib.dataset.labels import Recipe, translate


def by_prompts(
    metadata: pd.DataFrame, images: np.ndarray, texts: np.ndarray, attributes: Sequence[str]
) -> pd.DataFrame:
    """Classify images by CLIP without training (Radford et al. 2021): the value whose prompts are nearest.

    A value is represented by the mean of its groups' text embeddings, each of length 1, as CLIP's ensembles of prompts
    are.

    Args:
        metadata: the table of the image set: ``group``, ``text`` and the attributes.
        images: CLIP's embeddings of the images, (n, d).
        texts: those of their prompts, (n, d).
        attributes: whose values to tell apart.

    Returns:
        A column per attribute, True where an image shows its value. One is missing if it has a single value, or if the
        prompts of two values are the same.
    """
    images, texts = _unit(images), _unit(texts)
    first = np.flatnonzero(~metadata["group"].duplicated())
    prompts, texts = metadata.iloc[first], texts[first]
    found = pd.DataFrame(index=metadata.index)
    for name in attributes:
        values, row = np.unique(prompts[name], return_inverse=True)
        said = {frozenset(prompts["text"][row == number]) for number in range(len(values))}
        if len(said) < len(values) or len(values) == 1:
            continue
        classes = _unit(np.stack([texts[row == number].mean(0) for number in range(len(values))]))
        found[name] = values[(images @ classes.T).argmax(1)] == metadata[name]
    return found


def by_labels(
    metadata: pd.DataFrame, table: Path, recipes: Mapping[str, Recipe], attributes: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Compare DeepFace's labels of images with their attributes.

    Args:
        metadata: the table of the image set: ``file_name`` and the attributes.
        table: CSV with a row per image: ``file_name``, and a column for each that the recipes name.
        recipes: how a label becomes a value, by attribute.
        attributes: their values.

    Returns:
        A column per attribute of ``recipes``, True where an image shows its value. A label that stands for no value
        shows none.

    Raises:
        ValueError: the table is of other images.
    """
    labels = csvs.read(table)
    if labels["file_name"].tolist() != metadata["file_name"].tolist():
        raise ValueError(f"{table}: has labels of other images; classify them again")
    labels = labels.set_index(metadata.index)
    return pd.DataFrame(
        {
            name: translate(labels[recipe.column], attributes[name], recipe) == metadata[name]
            for name, recipe in recipes.items()
        },
        index=metadata.index,
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, np.float64)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(length, np.finfo(np.float64).tiny)
