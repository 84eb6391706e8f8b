"""Gender, race and age by DeepFace's networks, in batches (paper, section 2.1)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scripts.lib.base.deepface import DEEPFACE_LABELS, DEEPFACE_WEIGHTS
from scripts.lib.dataset.onnx_join import join
from scripts.lib.dataset.photographs import UnreadableError, open_image

SIZE = 224
AGES = 101


class Classifier:
    """DeepFace's ONNX networks for some of gender, race and age.

    DeepFace's own ``analyze`` takes one image and one network at a time, downloads what it lacks and uses every core
    of the machine. This class runs the same files on the same prepared images with DeepFace's functions, in batches,
    offline and on as many threads as it is given, and computes once what the networks have in common.

    Raises:
        ValueError: a file is no ONNX network, or has another one's number of outputs; names it.
    """

    def __init__(self, weights: Path, asked: Sequence[str], threads: int) -> None:
        import onnxruntime
        from deepface.commons.onnx_utils import resolve_providers

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        providers = resolve_providers(onnxruntime.get_available_providers())
        self.attributes = list(asked)
        paths = {attribute: weights / DEEPFACE_WEIGHTS[attribute] for attribute in asked}
        self.sessions = [
            onnxruntime.InferenceSession(network.SerializeToString(), options, providers=providers)
            for network in join(paths)
        ]
        for output in (output for session in self.sessions for output in session.get_outputs()):
            outputs, expected = output.shape[-1], len(DEEPFACE_LABELS.get(output.name, range(AGES)))
            if outputs != expected:
                path = paths[output.name]
                raise ValueError(f"{path}: has {outputs} outputs, {output.name} has {expected}; it is another file")

    def __call__(self, batch: np.ndarray) -> dict[str, list[str]]:
        """Return DeepFace's labels of each image by attribute, as text; ages are whole years.

        Args:
            batch: float32 (n, 224, 224, 3) in [0, 1], BGR, as ``prepare`` makes them.
        """
        from deepface.models.demography.DemographyUtils import find_apparent_age

        labels = {}
        for session in self.sessions:
            names = [output.name for output in session.get_outputs()]
            for attribute, scores in zip(names, session.run(names, {session.get_inputs()[0].name: batch}), strict=True):
                if attribute == "age":
                    labels[attribute] = [str(int(find_apparent_age(row))) for row in scores]
                else:
                    labels[attribute] = [DEEPFACE_LABELS[attribute][index] for index in scores.argmax(1)]
        return labels


def prepare(image: Any) -> np.ndarray:
    """Return an image, a PIL one or an RGB array, as DeepFace's networks take it, float32 (224, 224, 3) in [0, 1], BGR.

    The whole picture is used, as with DeepFace's detector ``skip``: FFHQ is cropped to the face already.
    """
    from deepface.modules.preprocessing import resize_image

    return resize_image(np.asarray(image)[:, :, ::-1] / np.float32(255), (SIZE, SIZE))[0]


def classify_images(images: Iterable[np.ndarray], classifier: Classifier, batch_size: int) -> pd.DataFrame:
    """Classify images that are in memory; no more than one batch is prepared at a time.

    Args:
        images: uint8 (height, width, 3), RGB.
        classifier: the networks.
        batch_size: images per batch; changes no label.

    Returns:
        DeepFace's labels as text: a row per image, a column per attribute.
    """
    left, parts = iter(images), []
    while batch := [prepare(image) for image in islice(left, batch_size)]:
        parts.append(pd.DataFrame(classifier(np.stack(batch))))
    return pd.concat(parts, ignore_index=True)[classifier.attributes]


def classify(files: Sequence[str], folder: Path, classifier: Classifier, batch_size: int) -> Iterator[pd.DataFrame]:
    """Classify images batch by batch; no more than one batch is in memory.

    Yields:
        ``file_name``, one column per attribute with DeepFace's own labels, and ``reason``: empty, or why
        the file cannot be read (its labels are empty then).
    """
    for start in range(0, len(files), batch_size):
        names, images, reasons = files[start : start + batch_size], [], []
        for name in names:
            try:
                images.append(prepare(open_image(folder / name)))
                reasons.append("")
            except UnreadableError as error:
                reasons.append(error.reason)
        table = pd.DataFrame({"file_name": names, **dict.fromkeys(classifier.attributes, ""), "reason": reasons})
        if images:
            read = table["reason"] == ""
            table.loc[read, classifier.attributes] = pd.DataFrame(classifier(np.stack(images)), table.index[read])
        yield table
