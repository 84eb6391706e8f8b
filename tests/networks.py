"""Random networks in DeepFace's place: its files' names, inputs and outputs, without its training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from scripts.lib.base.deepface import DEEPFACE_LABELS, DEEPFACE_WEIGHTS

VGG16 = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]  # 0: a max pool


def write_color_networks(folder: Path) -> None:
    """Write networks of a few bytes whose labels depend on the mean color."""
    for attribute, (classes, rng) in _kinds().items():
        slopes = rng.normal(size=(3, classes)).astype(np.float32) * 8
        weights = {
            "w": slopes,
            "b": -slopes.sum(0) / 2,  # gray has no label of its own
            "axes": np.array([1, 2], np.int64),
        }
        nodes = [
            helper.make_node("ReduceMean", ["input", "axes"], ["mean"], keepdims=0),
            helper.make_node("Gemm", ["mean", "w", "b"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["output"], axis=-1),
        ]
        _save(folder / DEEPFACE_WEIGHTS[attribute], nodes, weights, classes)


def write_vgg16(folder: Path, frozen: bool) -> None:
    """Write networks of DeepFace's architecture, VGG-16 with 134 million random parameters each.

    ``frozen``: all have the same convolutions, as VGG-Face's have that were retrained in their last layers only.
    """
    for attribute, (classes, rng) in _kinds().items():
        convolutions = np.random.default_rng(0) if frozen else rng
        nodes = [helper.make_node("Transpose", ["input"], ["x"], perm=[0, 3, 1, 2])]
        weights: dict[str, np.ndarray] = {}
        last, channels = "x", 3

        def layer(name: str, width: int, edge: int, draw: Any = rng, known: dict[str, np.ndarray] = weights) -> None:
            nonlocal last, channels
            scale = np.float32(np.sqrt(2 / (channels * edge**2)))
            known[f"{name}_w"] = draw.standard_normal((width, channels, edge, edge), np.float32) * scale
            known[f"{name}_b"] = np.zeros(width, np.float32)
            padding = [edge // 2] * 4 if edge == 3 else [0] * 4
            nodes.append(helper.make_node("Conv", [last, f"{name}_w", f"{name}_b"], [name], pads=padding))  # noqa: B023
            last, channels = name, width

        def then(kind: str, **options: Any) -> None:
            nonlocal last
            nodes.append(helper.make_node(kind, [last], [f"{last}_{kind}"], **options))  # noqa: B023
            last = f"{last}_{kind}"

        for index, width in enumerate(VGG16):
            if width:
                layer(f"conv{index}", width, 3, convolutions)
                then("Relu")
            else:
                then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        for name, width, edge in (("fc6", 4096, 7), ("fc7", 4096, 1)):
            layer(name, width, edge)
            then("Relu")
        layer("fc8", classes, 1)
        then("Flatten")
        nodes.append(helper.make_node("Softmax", [last], ["output"], axis=-1))
        _save(folder / DEEPFACE_WEIGHTS[attribute], nodes, weights, classes)


def _kinds() -> dict[str, tuple[int, np.random.Generator]]:
    sizes = {attribute: len(DEEPFACE_LABELS.get(attribute, range(101))) for attribute in DEEPFACE_WEIGHTS}
    return {attribute: (classes, np.random.default_rng(classes)) for attribute, classes in sizes.items()}


def _save(path: Path, nodes: list[Any], weights: dict[str, np.ndarray], classes: int) -> None:
    value: Callable[..., Any] = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        path.stem,
        [value("input", TensorProto.FLOAT, ["n", 224, 224, 3])],
        [value("output", TensorProto.FLOAT, ["n", classes])],
        [numpy_helper.from_array(content, name) for name, content in weights.items()],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
