"""An engine that writes layers down as ONNX nodes instead of running them.

With it the inference form (norms folded, see `ppim_port.inference`) becomes a file
without any framework. Tensors are `[N, C, H, W]` in the file, as ONNX's operators want
them; shapes are told as `[N, H, W, C]`, as the programs read them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from ppim_port.inference.layers import Convolution, Convolve, Involution, Involve
from ppim_port.state_dict import Array


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the graph.

    Attributes:
        name: in the graph.
        channels: C.
        height: H, in pixels.
        width: W, in pixels.
    """

    name: str
    channels: int
    height: int
    width: int


class OnnxEngine:
    """See `Engine`.

    Args:
        dtype: of the weights, "float32" or "float64".
    """

    def __init__(self, dtype: str = "float32") -> None:
        self._dtype = dtype
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._integers: dict[tuple[int, ...], str] = {}

    def convolution(
        self, layer: Convolution, *, first: bool = False
    ) -> Convolve[Value]:
        """See `Engine.convolution`."""
        weight, bias = self._constant(layer.weight), self._constant(layer.bias)
        size, stride, padding = layer.kernel_size, layer.stride, layer.kernel_size // 2

        def run(x: Value, residual: Value | None = None) -> Value:
            name = self._node(
                "Conv",
                [x.name, weight, bias],
                kernel_shape=[size, size],
                strides=[stride, stride],
                pads=[padding] * 4,
            )
            if residual is not None:
                name = self._node("Add", [name, residual.name])
            if layer.relu:
                name = self._node("Relu", [name])
            sides = (
                (n + 2 * padding - size) // stride + 1 for n in (x.height, x.width)
            )
            return Value(name, len(layer.bias), *sides)

        return run

    def linear(self, layer: Convolution) -> Callable[[Value], Value]:
        """See `Engine.linear`."""
        weight = self._constant(layer.weight[:, :, 0, 0])
        bias = self._constant(layer.bias)

        def run(x: Value) -> Value:
            flat = self._node("Flatten", [x.name], axis=1)
            name = self._node("Gemm", [flat, weight, bias], transB=1)
            return Value(name, len(layer.bias), 1, 1)

        return run

    def involution(self, layer: Involution) -> Involve[Value]:
        """See `Engine.involution`: the taps as shifted views, none unfolded."""
        shape = (1, -1, 1, 1)
        scale = self._constant(layer.scale.reshape(shape))
        shift = self._constant(layer.shift.reshape(shape))

        def run(x: Value, kernels: Value) -> Value:
            taps = self._taps(layer, x, kernels)
            total = taps[0]
            for tap in taps[1:]:
                total = self._node("Add", [total, tap])
            size = [0, x.channels, kernels.height, kernels.width]
            name = self._node("Reshape", [total, self._shape(size)])
            name = self._node("Add", [self._node("Mul", [name, scale]), shift])
            name = self._node("Relu", [name])
            return Value(name, x.channels, kernels.height, kernels.width)

        return run

    def _taps(self, layer: Involution, x: Value, kernels: Value) -> list[str]:
        size, groups, stride = layer.kernel_size, layer.groups, layer.stride
        reach = size // 2
        pads = self._shape([0, 0, reach, reach, 0, 0, reach, reach])
        padded = self._node("Pad", [x.name, pads])
        sides = [x.height + 2 * reach, x.width + 2 * reach]
        padded = self._node(
            "Reshape", [padded, self._shape([0, groups, x.channels // groups, *sides])]
        )
        apart = self._shape([0, groups, size**2, kernels.height, kernels.width])
        weights = self._node("Reshape", [kernels.name, apart])
        each = self._nodes(
            "Split",
            [weights, self._shape([1] * size**2)],
            outputs=size**2,
            axis=2,
        )
        axes, steps = self._shape([3, 4]), self._shape([stride, stride])
        rows = stride * (kernels.height - 1) + 1
        columns = stride * (kernels.width - 1) + 1
        taps = []
        for tap, weight in enumerate(each):
            i, j = divmod(tap, size)
            begin, end = self._shape([i, j]), self._shape([i + rows, j + columns])
            view = self._node("Slice", [padded, begin, end, axes, steps])
            taps.append(self._node("Mul", [view, weight]))
        return taps

    def each(self, x: Value, call: Callable[[Value], Value]) -> Value:
        """See `Engine.each`; a runtime takes all pictures at once."""
        return call(x)

    def shape(self, x: Value) -> tuple[int, ...]:
        """See `Engine.shape`; the number of pictures is open: 0."""
        return (0, x.height, x.width, x.channels)

    def max_pool(self, x: Value) -> Value:
        """See `Engine.max_pool`."""
        name = self._node(
            "MaxPool",
            [x.name],
            kernel_shape=[3, 3],
            strides=[2, 2],
            pads=[1] * 4,
        )
        return Value(name, x.channels, -(-x.height // 2), -(-x.width // 2))

    def average_pool(self, x: Value, size: int) -> Value:
        """See `Engine.average_pool`."""
        sides = [size, size]
        name = self._node("AveragePool", [x.name], kernel_shape=sides, strides=sides)
        return Value(name, x.channels, x.height // size, x.width // size)

    def mean(self, x: Value) -> Value:
        """See `Engine.mean`."""
        return Value(self._node("GlobalAveragePool", [x.name]), x.channels, 1, 1)

    def _node(self, kind: str, inputs: list[str], **attributes: int | list[int]) -> str:
        return self._nodes(kind, inputs, **attributes)[0]

    def _nodes(
        self,
        kind: str,
        inputs: list[str],
        *,
        outputs: int = 1,
        **attributes: int | list[int],
    ) -> list[str]:
        at = len(self.nodes)
        name = f"{kind.lower()}_{at}"
        names = [name] if outputs == 1 else [f"{name}_{n}" for n in range(outputs)]
        node = helper.make_node(kind, inputs, names, name=name, **attributes)
        self.nodes.append(node)
        return names

    def _constant(self, array: Array) -> str:
        name = f"weight_{len(self.initializers)}"
        value = np.ascontiguousarray(array.astype(self._dtype))
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def _shape(self, numbers: Sequence[int]) -> str:
        """Integers that a node reads as a tensor; equal ones are stored once."""
        key = tuple(numbers)
        if key not in self._integers:
            name = f"integers_{len(self._integers)}"
            value = np.array(key, np.int64)
            self.initializers.append(numpy_helper.from_array(value, name))
            self._integers[key] = name
        return self._integers[key]
