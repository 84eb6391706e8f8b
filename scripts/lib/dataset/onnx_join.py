"""Networks of one input joined into one, so that what they have in common runs once."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx


def join(paths: Mapping[str, Path]) -> list["onnx.ModelProto"]:
    """Join ONNX networks of one input, so that layers with the same weights on the same input exist once.

    DeepFace's networks are VGG-Face with its last three layers retrained and the thirteen convolutions before them
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
