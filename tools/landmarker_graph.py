"""The graph of a TensorFlow Lite net, and its translation to ONNX: what tools/convert_landmarker.py is made of.

Every weight is kept. The translation goes operator by operator, but for what ONNX Runtime computes faster in another form
that gives the same numbers but for rounding; :class:`Translation` names them all.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Layout = Literal["channels_first", "as_is"]

OPSET = 17
IR_VERSION = 8
_SAME, _RELU = 0, 1  # Padding.SAME, ActivationFunctionType.RELU of the schema
_NUMBER_TYPES = {0: np.float32, 1: np.float16, 2: np.int32}  # TensorType FLOAT32, FLOAT16, INT32
_ELEMENTWISE = {
    "ADD": "Add", "MUL": "Mul", "SUB": "Sub", "DIV": "Div", "NEG": "Neg", "SQRT": "Sqrt", "LOGISTIC": "Sigmoid",
}  # fmt: skip
# How a layer normalisation over the last axis is written there.
_NORMALISATION = ["MEAN", "NEG", "SQUARED_DIFFERENCE", "MEAN", "ADD", "RSQRT", "MUL", "MUL", "MUL", "ADD"]
# ONNX Runtime's fast convolutions work on blocks of 16 channels (AVX-512); so many leave half of one empty.
_HALF_BLOCK = 8


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

    What is written in another form: PReLU (:meth:`_prelu`, :meth:`_has_sides`), channels added by padding (:meth:`_pad`),
    layer normalisation (:meth:`_normalise`), the scale of the input (into the first convolution), and what of the last
    layers does not reach the output (:meth:`only_first_token`).

    Args:
        net: The net.
        layout: Whether pictures become channels first, or everything stays as it is.
        white: What the net expects as 1.
    """

    def __init__(self, net: Net, layout: Layout, *, white: float = 1.0) -> None:
        self.nodes: list[Any] = []
        self._net = net
        self._layout = layout
        self._white = white
        self._weights: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        self._constants: dict[int, NDArray[Any]] = {}
        self._readers: dict[int, list[tuple[str, Any]]] = {}
        # Tensors that hold x and -x, of both only what is above 0; and the slopes by which the second half counts.
        self._sides: set[int] = set()
        self._slopes: dict[int, NDArray[np.float32]] = {}
        # The last layer in which tokens meet, and the tensors from there on, which hold the first token alone.
        self._last_meeting: int | None = None
        self._first_token: set[int] = set()

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
        steps.reverse()
        for kind, operator in steps:
            for index in operator.inputs:
                self._readers.setdefault(int(index), []).append((kind, operator))
            if kind == "DEQUANTIZE":  # float16 weights
                value = self._net.constant(int(operator.inputs[0]))
                assert value is not None
                self._constants[int(operator.outputs[0])] = value
        steps = [step for step in steps if step[0] != "DEQUANTIZE"]
        while steps:
            count = len(_NORMALISATION)
            if [kind for kind, _ in steps[:count]] == _NORMALISATION:
                self._normalise([operator for _, operator in steps[:count]])
                del steps[:count]
            else:
                self._step(*steps.pop(0))

    def only_first_token(self) -> None:
        """From the last layer in which tokens meet, compute the first token alone: the output is made of no other."""
        ends = [operator for kind, operator in self._net.operators if kind == "STRIDED_SLICE"]
        shapes = [(self._net.shape(int(end.inputs[0])), self._net.shape(int(end.outputs[0]))) for end in ends]
        tokens = max(before[2] for before, after in shapes if len(before) == len(after) == 4 and after[2] < before[2])
        outputs = [int(operator.outputs[0]) for kind, operator in self._net.operators if kind == "CONV_2D"]
        self._last_meeting = [index for index in outputs if self._net.shape(index)[-1] == tokens][-1]

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
        activation = _activation(operator)
        if activation not in {0, _RELU}:
            raise NotImplementedError(f"{kind} with activation {activation}")
        target = f"{output}_raw" if activation == _RELU else output
        if index == self._last_meeting or self._first_token.intersection(inputs):
            self._first_token.add(index)
        if kind in _ELEMENTWISE:
            self.add(_ELEMENTWISE[kind], self._operands(inputs), target)
        else:
            getattr(self, f"_{kind.lower()}")(inputs, options, target, index)
        if activation == _RELU:
            self.add("Relu", [target], output)

    def _operands(self, inputs: list[int]) -> list[str]:
        """What an operator combines; of tokens only the first, where that is all there is of one of them."""
        names = [self._value(number) for number in inputs]
        if self._first_token.intersection(inputs):
            for place, number in enumerate(inputs):
                if number not in self._first_token and self._net.shape(number)[2:3] > [1]:
                    span = [self.numbers(f"token_{name}", np.array([at])) for name, at in (("0", 0), ("1", 1), ("axis", 2))]
                    names[place] = self.add("Slice", [names[place], *span], f"{names[place]}_first")
        return names

    def _normalise(self, operators: list[Any]) -> None:
        """The input less its mean, over the root of variance and epsilon, times gamma: one node instead of twelve."""
        mean, _, _, _, plus, _, scale, product, _, total = operators
        source, axes = (int(index) for index in mean.inputs)
        assert int(product.inputs[0]) == source
        assert self._constant(axes).ravel().tolist() == [len(self._net.shape(source)) - 1]
        epsilon, gamma = (int(operator.inputs[1]) for operator in (plus, scale))
        output = self._names.setdefault(int(total.outputs[0]), f"value_{int(total.outputs[0])}")
        if source in self._first_token:
            self._first_token.add(int(total.outputs[0]))
        names = [self._value(source), self._value(gamma)]
        self.add("LayerNormalization", names, output, axis=-1, epsilon=float(self._constant(epsilon)))

    def _conv_2d(self, inputs: list[int], options: Any, output: str, index: int) -> None:
        source, kernel, bias = inputs
        weight = self._constant(kernel)  # (out, rows, columns, in)
        if self._layout == "as_is":  # 1 x 1 over the last axis
            assert weight.shape[1:3] == (1, 1)
            rows = slice(1 if index == self._last_meeting else None)
            names = [self._value(source), self.numbers(f"weight_{kernel}", weight[rows, 0, 0].T)]
            offset = self.numbers(f"weight_{bias}", self._constant(bias)[rows])
            self.add("Add", [self.add("MatMul", names, f"{output}_product"), offset], output)
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
        offset, name, target = self._constant(bias), "", output
        slopes = self._slopes.pop(source, None)
        if slopes is not None and group > 1:  # both sides alike
            weight, offset, name = np.concatenate([weight, weight]), np.concatenate([offset, 0 * offset]), "_twice"
            group, self._slopes[index] = 2 * group, slopes
        elif slopes is not None:  # exact: a product of two float16 fits into a float32
            below = -weight.astype(np.float32) * slopes[:, None, None]
            weight, name = np.concatenate([weight, below], axis=1), "_joined"
        if self._has_sides(index):
            assert not name
            weight, offset, name = np.concatenate([weight, -weight]), np.concatenate([offset, -offset]), "_sides"
            target = f"{output}_signed"
            self._sides.add(index)
        kernel_name = self.numbers(f"weight_{kernel}{name}", weight)
        if source == self._net.inputs[0] and self._white != 1:
            white = self.numbers("white", np.array(self._white, np.float32))
            kernel_name = self.add("Div", [kernel_name, white], f"{output}_kernel")
        names = [self._value(source), kernel_name, self.numbers(f"weight_{bias}{name}", offset)]
        self.add("Conv", names, target, kernel_shape=list(weight.shape[2:]), strides=strides, pads=pads, group=group)
        if index in self._sides:
            self.add("Relu", [target], output)

    def _has_sides(self, index: int) -> bool:
        """Whether a convolution shall give x and -x, each cut off below 0, in twice the channels.

        A PReLU is the first less the slope times the second, and the convolutions after it take that in their stride: no
        step of its own is left. Where channels fill half a block, the others are computed anyway.
        """
        if self._net.shape(index)[-1] > _HALF_BLOCK:
            return False
        for kind in ("PRELU", "DEPTHWISE_CONV_2D", "CONV_2D"):
            readers = self._readers.get(index, [])
            if [name for name, _ in readers] != [kind] or _activation(readers[0][1]):
                return False
            index = int(readers[0][1].outputs[0])
        return True

    def _prelu(self, inputs: list[int], _options: Any, output: str, index: int) -> None:
        """x, plus (1 - slope) times what of -x is above 0.

        ONNX Runtime has no PRelu in the layout of its fast convolutions and would leave it and come back around each of the
        69. These two convolutions with one number a channel, which take the limit and the sum with them, stay in it.
        """
        source, slopes = inputs
        if source in self._sides:
            self._names[index] = self._value(source)
            self._slopes[index] = self._constant(slopes).astype(np.float32).ravel()
            return
        channels = self._net.shape(source)[-1]
        slope = self.numbers(f"weight_{slopes}", self._constant(slopes).reshape(-1, 1, 1, 1))  # (channels, 1, 1, 1)
        missing = self.add("Sub", [self.numbers("one", np.array(1, np.float32)), slope], f"{output}_missing")
        minus = self.numbers(f"minus_one_{channels}", np.full((channels, 1, 1, 1), -1, np.float32))
        one_each = {"kernel_shape": [1, 1], "group": channels}
        mirrored = self.add("Conv", [self._value(source), minus], f"{output}_mirrored", **one_each)
        below = self.add("Relu", [mirrored], f"{output}_below")
        rest = self.add("Conv", [below, missing], f"{output}_rest", **one_each)
        self.add("Add", [rest, self._value(source)], output)

    def _max_pool_2d(self, inputs: list[int], options: Any, output: str, index: int) -> None:
        window, strides = [options.filterHeight, options.filterWidth], [options.strideH, options.strideW]
        if [2 * side for side in self._net.shape(index)[1:3]] != self._net.shape(inputs[0])[1:3] or window != [2, 2]:
            raise NotImplementedError("pooling with padding")
        self.add("MaxPool", [self._value(inputs[0])], output, kernel_shape=window, strides=strides)

    def _pad(self, inputs: list[int], _options: Any, output: str, index: int) -> None:
        """Empty channels behind the others; by a convolution, since Pad has no fast layout either."""
        source, amount = inputs
        if self._constant(amount)[:-1].any() or self._constant(amount)[-1, 0]:
            raise NotImplementedError("padding of anything but channels")
        before, after = self._net.shape(source)[-1], self._net.shape(index)[-1]
        unit = self.numbers(f"unit_{after}_{before}", np.eye(after, before, dtype=np.float32)[..., None, None])
        self.add("Conv", [self._value(source), unit], output, kernel_shape=[1, 1])

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


def _activation(operator: Any) -> int:
    """What an operator applies to its output: 0 nothing, else as the schema counts."""
    return int(getattr(operator.builtinOptions, "fusedActivationFunction", 0))
