"""Nodes of an ONNX graph one after the other, and an involution made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from ppim_port.state_dict import Array


class Nodes:
    """A graph that grows at its end.

    Args:
        prefix: of every name, so that they clash with none of another graph.
    """

    def __init__(self, prefix: str = "") -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._prefix = prefix
        self._integers: dict[tuple[int, ...], str] = {}

    def add(
        self, kind: str, inputs: Sequence[str], **attributes: int | list[int]
    ) -> str:
        """A node of one output; the output's name."""
        name = f"{self._prefix}{kind.lower()}_{len(self.nodes)}"
        node = helper.make_node(kind, inputs, [name], name=name)
        for key, value in attributes.items():
            node.attribute.append(helper.make_attribute(key, value))
        self.nodes.append(node)
        return name

    def constant(self, array: Array) -> str:
        """A tensor of the file; its name."""
        name = f"{self._prefix}constant_{len(self.initializers)}"
        value = np.ascontiguousarray(array)
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def integers(self, *numbers: int) -> str:
        """Integers that a node reads as a tensor; equal ones are stored once."""
        if numbers not in self._integers:
            self._integers[numbers] = self.constant(np.array(numbers, np.int64))
        return self._integers[numbers]


@dataclass(frozen=True, slots=True)
class Window:
    """An involution's shapes.

    Attributes:
        channels: of input and output.
        high: height of the input, in pixels.
        wide: width of the input, in pixels.
        groups: of channels that share a kernel.
        height: of the output, in pixels.
        width: of the output, in pixels.
        kernel_size: K, odd.
        stride: step between output positions.
        dilation: step between the taps of one kernel.
    """

    channels: int
    high: int
    wide: int
    groups: int
    height: int
    width: int
    kernel_size: int
    stride: int = 1
    dilation: int = 1


def involution(graph: Nodes, x: str, kernels: str, window: Window) -> str:
    """Its taps as shifted views; the input is never unfolded.

    Args:
        graph: gets the nodes.
        x: `[N, C, H, W]`.
        kernels: `[N, G, K * K, H', W']`.
        window: the shapes.

    Returns:
        The name of `[N, C, H', W']`.
    """
    w = window
    reach = w.dilation * (w.kernel_size - 1) // 2
    pads = graph.integers(0, 0, reach, reach, 0, 0, reach, reach)
    sides = w.high + 2 * reach, w.wide + 2 * reach
    apart = graph.integers(0, w.groups, w.channels // w.groups, *sides)
    padded = graph.add("Reshape", [graph.add("Pad", [x, pads]), apart])
    axes, steps = graph.integers(3, 4), graph.integers(w.stride, w.stride)
    rows, columns = w.stride * (w.height - 1) + 1, w.stride * (w.width - 1) + 1
    total = ""
    for tap in range(w.kernel_size**2):
        i, j = (w.dilation * step for step in divmod(tap, w.kernel_size))
        begin, end = graph.integers(i, j), graph.integers(i + rows, j + columns)
        view = graph.add("Slice", [padded, begin, end, axes, steps])
        first, last = graph.integers(tap), graph.integers(tap + 1)
        kernel = graph.add("Slice", [kernels, first, last, graph.integers(2)])
        part = graph.add("Mul", [view, kernel])
        total = graph.add("Add", [total, part]) if total else part
    together = graph.integers(0, w.channels, w.height, w.width)
    return graph.add("Reshape", [total, together])
