"""Networks of one input joined into one."""

import numpy as np
import onnxruntime
import pytest

from scripts.lib.base.deepface import DEEPFACE_WEIGHTS
from scripts.lib.dataset.onnx_join import join
from tests.networks import write_color_networks

ASKED = ["age", "gender", "race"]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    write_color_networks(folder)
    return {attribute: folder / DEEPFACE_WEIGHTS[attribute] for attribute in ASKED}


def test_what_the_networks_have_in_common_is_computed_once(paths):
    (joined,) = join(paths)
    operators = [node.op_type for node in joined.graph.node]
    assert (operators.count("ReduceMean"), operators.count("Gemm")) == (1, 3)
    assert [output.name for output in joined.graph.output] == ASKED


def test_a_joined_network_gives_what_each_gives_alone(paths):
    image = np.random.default_rng(0).random((3, 224, 224, 3), dtype=np.float32)

    def run(network):
        session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: image})

    (joined,) = join(paths)
    alone = [run(path.read_bytes())[0] for path in paths.values()]
    for together, single in zip(run(joined.SerializeToString()), alone, strict=True):
        assert (together == single).all()


def test_a_file_that_is_no_network_is_named(tmp_path):
    (tmp_path / "age.onnx").write_bytes(b"<html>Not found</html>")
    with pytest.raises(ValueError, match=r"age\.onnx: is no ONNX network"):
        join({"age": tmp_path / "age.onnx"})
