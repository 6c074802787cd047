"""Convert the Face Landmarker's two nets to the ONNX files that the package ships.

    python tools/convert_landmarker.py --cache FOLDER

The nets (Google, Apache-2.0) are TensorFlow Lite files in the bundle that tools/landmarker.py fetches; hashes of all are
checked. Their graphs are translated operator by operator, so that nothing but the order of summation
inside a convolution can differ; their weights are float16 there and stay so on disk, with a cast to float32 in the graph, as
there. Needs `onnx` (the extra "train") and, for the schema of TensorFlow Lite files, `ai-edge-litert`
(tools/requirements-evaluate.txt).

What changes on the way: the landmark net takes bytes and divides by 255 itself, works on channels first, and gives points
(N, 478, 3) in pixels of its 256 x 256 input and the presence of a face (N,) after its logistic function; its third output,
which MediaPipe does not use, is gone. The blendshape net gives (52,) as before.

The same bundle holds MediaPipe's canonical face (468 points in cm) and names the 33 of them by which MediaPipe finds how a
head is turned. ``--rigid-points`` prints these, of which src/facefatigue/landmarks/head_pose.py uses 25.

tools/check_landmarker.py compares what comes out with ai-edge-litert and with MediaPipe itself.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import struct
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from facefatigue.errors import FaceFatigueError
from landmarker import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Layout = Literal["channels_first", "as_is"]

SOURCE_SHA256 = {
    "face_landmarks_detector.tflite": "c7d54204ce0448474c7f3fa9af494787c0965cbdd6f20fc72867e43046bd43d5",
    "face_blendshapes.tflite": "4f36dded049db18d76048567439b2a7f58f1daabc00d78bfe8f3ad396a2d2082",
    "geometry_pipeline_metadata_landmarks.binarypb": "bdbcda96dfcb7da883da124aaa2c55dee49770d934f0fcc71747f8c21bdc75b4",
}
OPSET = 17
IR_VERSION = 8
CANONICAL_POINTS = 468
_SAME, _RELU = 0, 1  # Padding.SAME, ActivationFunctionType.RELU of the schema
_NUMBER_TYPES = {0: np.float32, 1: np.float16, 2: np.int32}  # TensorType FLOAT32, FLOAT16, INT32
_ELEMENTWISE = {
    "ADD": "Add", "MUL": "Mul", "SUB": "Sub", "DIV": "Div", "NEG": "Neg", "SQRT": "Sqrt", "LOGISTIC": "Sigmoid",
}  # fmt: skip


class Net:
    """The graph of a TensorFlow Lite file.

    Args:
        data: The file.
    """

    def __init__(self, data: bytes) -> None:
        self._schema = importlib.import_module("ai_edge_litert.schema_py_generated")
        self._model = self._schema.ModelT.InitFromObj(self._schema.Model.GetRootAsModel(data, 0))
        (self._graph,) = self._model.subgraphs
        kinds = {value: name for name, value in vars(self._schema.BuiltinOperator).items() if isinstance(value, int)}
        codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in self._model.operatorCodes]
        self.operators = [(kinds[codes[one.opcodeIndex]], one) for one in self._graph.operators]
        self.inputs = [int(index) for index in self._graph.inputs]
        self.outputs = [int(index) for index in self._graph.outputs]

    def shape(self, index: int) -> list[int]:
        """Shape of a tensor."""
        shape = self._graph.tensors[index].shape
        return [] if shape is None else [int(side) for side in shape]

    def constant(self, index: int) -> NDArray[Any] | None:
        """Value of a tensor, None where it is computed."""
        tensor = self._graph.tensors[index]
        data = self._model.buffers[tensor.buffer].data
        if data is None or not len(data):
            return None
        return np.asarray(data, np.uint8).view(_NUMBER_TYPES[tensor.type]).reshape(self.shape(index))


class Translation:
    """An ONNX graph that is made from a net, operator by operator.

    Args:
        net: The net.
        layout: Whether pictures become channels first, or everything stays as it is.
    """

    def __init__(self, net: Net, layout: Layout) -> None:
        self.nodes: list[Any] = []
        self._net = net
        self._layout = layout
        self._weights: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        self._constants: dict[int, NDArray[Any]] = {}

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Append a node with one output; returns the output's name."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def numbers(self, name: str, value: NDArray[Any]) -> str:
        """Store a constant, float16 with a cast to float32; returns the name of what to compute with."""
        if name not in self._weights:
            self._weights[name] = numpy_helper.from_array(np.array(value, order="C"), name)
            if value.dtype == np.float16:
                self.add("Cast", [name], f"{name}_float32", to=TensorProto.FLOAT)
        return f"{name}_float32" if value.dtype == np.float16 else name

    def translate(self, *, start: str, wanted: dict[int, str]) -> None:
        """Translate what the wanted outputs need.

        Args:
            start: Name of the input.
            wanted: Names by number of the output.
        """
        self._names[self._net.inputs[0]] = start
        self._names.update({self._net.outputs[number]: name for number, name in wanted.items()})
        needed = {self._net.outputs[number] for number in wanted}
        steps = []
        for kind, operator in reversed(self._net.operators):
            if int(operator.outputs[0]) in needed:
                needed.update(int(index) for index in operator.inputs)
                steps.append((kind, operator))
        for kind, operator in reversed(steps):
            if kind == "DEQUANTIZE":  # float16 weights
                value = self._net.constant(int(operator.inputs[0]))
                assert value is not None
                self._constants[int(operator.outputs[0])] = value
            else:
                self._step(kind, operator)

    def model(self, name: str, inputs: list[Any], outputs: list[Any]) -> bytes:
        """The finished ONNX file."""
        graph = helper.make_graph(self.nodes, name, inputs, outputs, list(self._weights.values()))
        opsets = [helper.make_opsetid("", OPSET)]
        built = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="facefatigue")
        onnx.checker.check_model(built, full_check=True)
        data: bytes = built.SerializeToString(deterministic=True)
        return data

    def _constant(self, index: int) -> NDArray[Any]:
        value = self._constants.get(index)
        found = self._net.constant(index) if value is None else value
        if found is None:
            raise NotImplementedError(f"tensor {index} is not constant")
        return found

    def _value(self, index: int) -> str:
        """Name of a tensor, computed or constant."""
        if index in self._constants or self._net.constant(index) is not None:
            return self.numbers(f"weight_{index}", self._constant(index))
        return self._names.setdefault(index, f"value_{index}")

    def _step(self, kind: str, operator: Any) -> None:
        options, index = operator.builtinOptions, int(operator.outputs[0])
        inputs = [int(number) for number in operator.inputs]
        output = self._names.setdefault(index, f"value_{index}")
        activation = getattr(options, "fusedActivationFunction", 0)
        if activation not in {0, _RELU}:
            raise NotImplementedError(f"{kind} with activation {activation}")
        target = f"{output}_raw" if activation == _RELU else output
        if kind in _ELEMENTWISE:
            self.add(_ELEMENTWISE[kind], [self._value(number) for number in inputs], target)
        else:
            getattr(self, f"_{kind.lower()}")(inputs, options, target, index)
        if activation == _RELU:
            self.add("Relu", [target], output)

    def _conv_2d(self, inputs: list[int], options: Any, output: str, index: int) -> None:
        source, kernel, bias = inputs
        weight = self._constant(kernel)  # (out, rows, columns, in)
        if self._layout == "as_is":  # 1 x 1 over the last axis
            assert weight.shape[1:3] == (1, 1)
            product = self.add(
                "MatMul", [self._value(source), self.numbers(f"weight_{kernel}", weight[:, 0, 0].T)], f"{output}_product"
            )
            self.add("Add", [product, self._value(bias)], output)
            return
        self._convolve(inputs, options, output, index, weight=weight.transpose(0, 3, 1, 2))

    def _depthwise_conv_2d(self, inputs: list[int], options: Any, output: str, index: int) -> None:
        assert options.depthMultiplier == 1
        weight = self._constant(inputs[1]).transpose(3, 0, 1, 2)  # (1, rows, columns, out)
        self._convolve(inputs, options, output, index, weight=weight, group=weight.shape[0])

    def _convolve(
        self, inputs: list[int], options: Any, output: str, index: int, *, weight: NDArray[Any], group: int = 1
    ) -> None:
        source, kernel, bias = inputs
        strides = [options.strideH, options.strideW]
        assert (options.dilationHFactor, options.dilationWFactor) == (1, 1)
        pads = [0, 0, 0, 0]
        if options.padding == _SAME:  # of an odd number of pixels the larger half goes below and to the right
            for axis, (before, after) in enumerate(
                zip(self._net.shape(source)[1:3], self._net.shape(index)[1:3], strict=True)
            ):
                whole = max((after - 1) * strides[axis] + weight.shape[2 + axis] - before, 0)
                pads[axis], pads[axis + 2] = whole // 2, whole - whole // 2
        names = [self._value(source), self.numbers(f"weight_{kernel}", weight), self._value(bias)]
        self.add("Conv", names, output, kernel_shape=list(weight.shape[2:]), strides=strides, pads=pads, group=group)

    def _prelu(self, inputs: list[int], _options: Any, output: str, _index: int) -> None:
        """Slope times x, plus what is missing of it where x is positive: (1 - slope) times max(x, 0).

        ONNX Runtime has no PRelu in the layout of its fast convolutions and would leave it and come back around each of the
        69; these two convolutions with one number a channel stay in it, which makes the whole net twice as fast.
        """
        source, slopes = inputs
        slope = self.numbers(f"weight_{slopes}", self._constant(slopes).reshape(-1, 1, 1, 1))  # (channels, 1, 1, 1)
        one = self.numbers("one", np.array(1, np.float32))
        missing = self.add("Sub", [one, slope], f"{output}_missing")
        positive = self.add("Relu", [self._value(source)], f"{output}_positive")
        channels = self._net.shape(source)[-1]
        terms = [
            self.add("Conv", [value, weight], f"{output}_{name}", kernel_shape=[1, 1], group=channels)
            for name, value, weight in (("slope", self._value(source), slope), ("rest", positive, missing))
        ]
        self.add("Add", terms, output)

    def _max_pool_2d(self, inputs: list[int], options: Any, output: str, index: int) -> None:
        window, strides = [options.filterHeight, options.filterWidth], [options.strideH, options.strideW]
        if [2 * side for side in self._net.shape(index)[1:3]] != self._net.shape(inputs[0])[1:3] or window != [2, 2]:
            raise NotImplementedError("pooling with padding")
        self.add("MaxPool", [self._value(inputs[0])], output, kernel_shape=window, strides=strides)

    def _pad(self, inputs: list[int], _options: Any, output: str, _index: int) -> None:
        source, amount = inputs
        pads = self._constant(amount)[[0, 3, 1, 2]].T.ravel().astype(np.int64)  # channels behind the batch
        self.add("Pad", [self._value(source), self.numbers(f"weight_{amount}", pads)], output)

    def _mean(self, inputs: list[int], options: Any, output: str, _index: int) -> None:
        axes = [int(axis) for axis in self._constant(inputs[1]).ravel()]
        self.add("ReduceMean", [self._value(inputs[0])], output, axes=axes, keepdims=int(options.keepDims))

    def _sum(self, inputs: list[int], options: Any, output: str, _index: int) -> None:
        axes = self.numbers(f"weight_{inputs[1]}_axes", self._constant(inputs[1]).ravel().astype(np.int64))
        self.add("ReduceSum", [self._value(inputs[0]), axes], output, keepdims=int(options.keepDims))

    def _reshape(self, inputs: list[int], _options: Any, output: str, index: int) -> None:
        shape = self.numbers(f"shape_{index}", np.array(self._net.shape(index), np.int64))
        self.add("Reshape", [self._value(inputs[0]), shape], output)

    def _transpose(self, inputs: list[int], _options: Any, output: str, _index: int) -> None:
        self.add("Transpose", [self._value(inputs[0])], output, perm=self._constant(inputs[1]).tolist())

    def _squared_difference(self, inputs: list[int], _options: Any, output: str, _index: int) -> None:
        difference = self.add("Sub", [self._value(number) for number in inputs], f"{output}_difference")
        self.add("Mul", [difference, difference], output)

    def _rsqrt(self, inputs: list[int], _options: Any, output: str, _index: int) -> None:
        self.add("Reciprocal", [self.add("Sqrt", [self._value(inputs[0])], f"{output}_root")], output)

    def _concatenation(self, inputs: list[int], options: Any, output: str, _index: int) -> None:
        self.add("Concat", [self._value(number) for number in inputs], output, axis=options.axis)

    def _strided_slice(self, inputs: list[int], options: Any, output: str, index: int) -> None:
        source, begins, ends, strides = inputs
        low, high, step = (self._constant(number).astype(np.int64) for number in (begins, ends, strides))
        axes = np.arange(len(low))
        low = np.where(options.beginMask >> axes & 1, 0, low)
        high = np.where(options.endMask >> axes & 1, np.array(self._net.shape(source)), high)
        names = ("from", "to", "axes", "step")
        numbers = [self.numbers(f"slice_{index}_{n}", v) for n, v in zip(names, (low, high, axes, step), strict=True)]
        target = f"{output}_slice" if options.shrinkAxisMask else output
        self.add("Slice", [self._value(source), *numbers], target)
        if options.shrinkAxisMask:
            gone = axes[(options.shrinkAxisMask >> axes & 1).astype(bool)]
            self.add("Squeeze", [target, self.numbers(f"squeeze_{index}", gone)], output)


def convert_points(data: bytes) -> bytes:
    """The landmark net: image (N, 256, 256, 3) uint8 RGB to points (N, 478, 3) and presence (N,)."""
    graph = Translation(Net(data), "channels_first")
    levels = graph.add("Cast", ["image"], "levels", to=TensorProto.FLOAT)
    shares = graph.add("Div", [levels, graph.numbers("white", np.array(255, np.float32))], "shares")
    graph.add("Transpose", [shares], "channels_first", perm=[0, 3, 1, 2])
    graph.translate(start="channels_first", wanted={0: "points_flat", 1: "presence_logit"})
    graph.add("Reshape", ["points_flat", graph.numbers("points_shape", np.array([-1, 478, 3]))], "points")
    graph.add(
        "Sigmoid", [graph.add("Reshape", ["presence_logit", graph.numbers("flat", np.array([-1]))], "logit")], "presence"
    )
    return graph.model(
        "landmarks",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 256, 256, 3])],
        [
            helper.make_tensor_value_info("points", TensorProto.FLOAT, ["N", 478, 3]),
            helper.make_tensor_value_info("presence", TensorProto.FLOAT, ["N"]),
        ],
    )


def convert_blendshapes(data: bytes) -> bytes:
    """The blendshape net: points (1, 146, 2) in pixels to blendshapes (52,)."""
    graph = Translation(Net(data), "as_is")
    graph.translate(start="points", wanted={0: "blendshapes"})
    return graph.model(
        "blendshapes",
        [helper.make_tensor_value_info("points", TensorProto.FLOAT, [1, 146, 2])],
        [helper.make_tensor_value_info("blendshapes", TensorProto.FLOAT, [52])],
    )


def rigid_points(data: bytes) -> list[tuple[int, tuple[float, float, float]]]:
    """The points by which MediaPipe finds the turn of a head: number, and place in the canonical face in cm.

    Args:
        data: The bundle's GeometryPipelineMetadata (mediapipe/tasks/cc/vision/face_geometry/proto): its mesh of vertices
            x, y, z, u, v and its weighted landmarks.
    """
    mesh = next(value for field, value in _fields(data) if field == 1)
    numbers = [struct.unpack("<f", value)[0] for field, value in _fields(mesh) if field == 3]
    vertices = np.array(numbers).reshape(CANONICAL_POINTS, 5)[:, :3]
    points = []
    for landmark in (dict(_fields(value)) for field, value in _fields(data) if field == 2):
        x, y, z = vertices[landmark[1]].tolist()
        points.append((landmark[1], (x, y, z)))
    return points


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Fields of a protocol buffer: integers, or the bytes of anything else."""
    place = 0

    def integer() -> int:
        nonlocal place
        value, shift = 0, 0
        while True:
            byte = message[place]
            value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
            if byte < 128:
                return value

    while place < len(message):
        key = integer()
        if key & 7 == 0:
            yield key >> 3, integer()
            continue
        length = 4 if key & 7 == 5 else integer()
        yield key >> 3, message[place : place + length]
        place += length


def read_member(bundle: zipfile.ZipFile, name: str) -> bytes:
    """A file of the bundle; stops when it is not the expected one."""
    data = bundle.read(name)
    found = hashlib.sha256(data).hexdigest()
    if found != SOURCE_SHA256[name]:
        sys.exit(f"error: {name}: SHA-256 is {found}, expected {SOURCE_SHA256[name]}")
    return data


def main() -> None:
    """Fetch the bundle and convert its nets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder that the bundle is fetched to")
    default = Path(__file__).parent.parent / "src" / "facefatigue" / "landmarks" / "weights"
    parser.add_argument("--out", type=Path, default=default, help="folder for the two ONNX files")
    parser.add_argument("--rigid-points", action="store_true", help="print the points of the head's turn instead")
    args = parser.parse_args()
    try:
        model = fetch(args.cache)
    except FaceFatigueError as error:
        sys.exit(f"error: {error}")
    with zipfile.ZipFile(model) as bundle:
        if args.rigid_points:
            for number, place in rigid_points(read_member(bundle, "geometry_pipeline_metadata_landmarks.binarypb")):
                print(f"({number}, ({', '.join(f'{value:.6g}' for value in place)})),")
            return
        args.out.mkdir(parents=True, exist_ok=True)
        for name, convert, source in (
            ("landmarks", convert_points, "face_landmarks_detector.tflite"),
            ("blendshapes", convert_blendshapes, "face_blendshapes.tflite"),
        ):
            data = convert(read_member(bundle, source))
            (args.out / f"{name}.onnx").write_bytes(data)
            print(f"{name}.onnx: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
