"""Gender, race and age by DeepFace's networks, in batches (paper, section 2.1)."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scripts.lib.base.provenance import sha256
from scripts.lib.dataset import UnreadableError, open_image
from scripts.lib.experiment.deepface import DEEPFACE_LABELS, DEEPFACE_WEIGHTS

if TYPE_CHECKING:
    import onnx

URL = "https://github.com/serengil/deepface_models/releases/download/v1.0"
SIZE = 224
AGES = 101


def check_weights(folder: Path, asked: Sequence[str], hashes: Mapping[str, str]) -> None:
    """Check that DeepFace's files are there and, where a hash is given, are the right ones.

    Raises:
        FileNotFoundError: a file is missing; says which, from where, to where.
        ValueError: the SHA-256 of a file differs.
    """
    for name in (DEEPFACE_WEIGHTS[attribute] for attribute in asked):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder / name}: no such file; put {URL}/{name} into the folder {folder} (dataset.deepface.weights)"
            )
        if name in hashes and (found := sha256(folder / name)) != hashes[name].lower():
            raise ValueError(
                f"{folder / name}: its SHA-256 is {found}, dataset.deepface.sha256 says {hashes[name]}; fetch the file "
                "again, or correct the hash"
            )


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


def join(paths: Mapping[str, Path]) -> list["onnx.ModelProto"]:
    """Join ONNX networks of one input, so that layers with the same weights on the same input are there once.

    DeepFace's networks are VGG-Face with its last three layers trained anew and the thirteen convolutions before them
    frozen (S. I. Serengil, "Apparent Age and Gender Prediction in Keras", 2019; ``model.layers[:-7]``), which is where
    nearly all the time goes.

    Returns:
        One network with an output for each of ``paths``, named after it; several where ONNX versions differ.

    Raises:
        ValueError: a file is no ONNX network; names it.
    """
    import onnx
    from google.protobuf.message import DecodeError

    joined: dict[bytes, onnx.ModelProto] = {}
    known: dict[tuple[object, ...], list[str]] = {}  # what a value is made of, and its name in the joined network
    for attribute, path in paths.items():
        try:
            network = onnx.load(path)
        except DecodeError as error:
            raise ValueError(f"{path}: is no ONNX network ({error}); fetch it again") from error
        empty = onnx.ModelProto(ir_version=network.ir_version, opset_import=network.opset_import)
        version = empty.SerializeToString(deterministic=True)
        graph = joined.setdefault(version, empty).graph
        graph.name = "joined"
        names = {"": ""}
        for weight in network.graph.initializer:
            values = np.ascontiguousarray(onnx.numpy_helper.to_array(weight))
            key = (version, weight.data_type, tuple(weight.dims), hashlib.sha256(values.data).digest())
            if key not in known:
                known[key] = [f"{attribute}/{weight.name}"]
                graph.initializer.add().CopyFrom(weight)
                graph.initializer[-1].name = known[key][0]
            names[weight.name] = known[key][0]
        (image,) = (value for value in network.graph.input if value.name not in names)
        if not graph.input:
            graph.input.append(image)
        names[image.name] = graph.input[0].name
        for node in network.graph.node:
            inputs = [names[value] for value in node.input]
            options = sorted(option.SerializeToString(deterministic=True) for option in node.attribute)
            key = (version, node.domain, node.op_type, *options, *inputs)
            if key not in known:
                known[key] = [f"{attribute}/{value}" if value else "" for value in node.output]
                graph.node.add().CopyFrom(node)
                graph.node[-1].name = ""
                graph.node[-1].input[:], graph.node[-1].output[:] = inputs, known[key]
            names |= zip(node.output, known[key], strict=True)
        (output,) = network.graph.output
        graph.node.append(onnx.helper.make_node("Identity", [names[output.name]], [attribute]))
        graph.output.append(output)
        graph.output[-1].name = attribute
    return list(joined.values())


def prepare(image: Any) -> np.ndarray:
    """Return a PIL image as DeepFace's networks take it, float32 (224, 224, 3) in [0, 1], BGR.

    The whole picture is used, as with DeepFace's detector ``skip``: FFHQ is cropped to the face already.
    """
    from deepface.modules.preprocessing import resize_image

    return resize_image(np.asarray(image)[:, :, ::-1] / np.float32(255), (SIZE, SIZE))[0]


def classify(files: Sequence[str], folder: Path, classifier: Classifier, batch_size: int) -> Iterator[pd.DataFrame]:
    """Classify images batch by batch; no more than one batch is in memory.

    Yields:
        ``file_name``, a column an attribute with DeepFace's own labels, and ``reason``: empty, or why
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
