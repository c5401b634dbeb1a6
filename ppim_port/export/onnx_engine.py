"""An engine that writes layers down as ONNX nodes instead of running them.

With it the inference form (norms folded, see `ppim_port.inference`) becomes a file
without any framework. Tensors are `[N, C, H, W]` in the file, as ONNX's operators want
them; shapes are told as `[N, H, W, C]`, as the programs read them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ppim_port.export.onnx_nodes import Nodes, Window, involution
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
        self.graph = Nodes()

    def convolution(
        self, layer: Convolution, *, first: bool = False, kernels: bool = False
    ) -> Convolve[Value]:
        """See `Engine.convolution`."""
        weight, bias = self._constant(layer.weight), self._constant(layer.bias)
        size, stride, padding = layer.kernel_size, layer.stride, layer.kernel_size // 2

        def run(x: Value, residual: Value | None = None) -> Value:
            name = self.graph.add(
                "Conv",
                [x.name, weight, bias],
                kernel_shape=[size, size],
                strides=[stride, stride],
                pads=[padding] * 4,
            )
            if residual is not None:
                name = self.graph.add("Add", [name, residual.name])
            if layer.relu:
                name = self.graph.add("Relu", [name])
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
            flat = self.graph.add("Flatten", [x.name], axis=1)
            name = self.graph.add("Gemm", [flat, weight, bias], transB=1)
            return Value(name, len(layer.bias), 1, 1)

        return run

    def involution(self, layer: Involution) -> Involve[Value]:
        """See `Engine.involution`: the taps as shifted views, none unfolded."""
        shape = (1, -1, 1, 1)
        scale = self._constant(layer.scale.reshape(shape))
        shift = self._constant(layer.shift.reshape(shape))

        def run(x: Value, kernels: Value) -> Value:
            size, sides = layer.kernel_size, (kernels.height, kernels.width)
            window = Window(
                x.channels, x.height, x.width, layer.groups, *sides, size, layer.stride
            )
            apart = self.graph.integers(0, layer.groups, size**2, *sides)
            weight = self.graph.add("Reshape", [kernels.name, apart])
            name = involution(self.graph, x.name, weight, window)
            name = self.graph.add("Mul", [name, scale])
            name = self.graph.add("Relu", [self.graph.add("Add", [name, shift])])
            return Value(name, x.channels, *sides)

        return run

    def each(self, x: Value, call: Callable[[Value], Value]) -> Value:
        """See `Engine.each`; a runtime takes all pictures at once."""
        return call(x)

    def shape(self, x: Value) -> tuple[int, ...]:
        """See `Engine.shape`; the number of pictures is open: 0."""
        return (0, x.height, x.width, x.channels)

    def max_pool(self, x: Value) -> Value:
        """See `Engine.max_pool`."""
        name = self.graph.add(
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
        name = self.graph.add(
            "AveragePool", [x.name], kernel_shape=sides, strides=sides
        )
        return Value(name, x.channels, x.height // size, x.width // size)

    def mean(self, x: Value) -> Value:
        """See `Engine.mean`."""
        return Value(self.graph.add("GlobalAveragePool", [x.name]), x.channels, 1, 1)

    def _constant(self, array: Array) -> str:
        return self.graph.constant(array.astype(self._dtype))
