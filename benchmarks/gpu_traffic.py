"""Bytes that an involution must move through a GPU's memory, shape by shape.

Plain arithmetic: no GPU and no framework is needed. A tensor counts once in each
direction, as if caches were perfect; nothing can be faster than these bytes at the
bandwidth of a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GROUP_CHANNELS = 16
REDUCTION = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """An involution of RedNet at 224x224, and how often RedNet-26 has it."""

    name: str
    channels: int
    side: int
    stride: int = 1
    kernel_size: int = 7
    count: int = 1

    @property
    def groups(self) -> int:
        return self.channels // GROUP_CHANNELS

    @property
    def out_side(self) -> int:
        return -(-self.side // self.stride)

    @property
    def reduced(self) -> int:
        """Features that the kernels are made of."""
        return self.channels // REDUCTION

    def inputs(self, batch: int) -> int:
        return batch * self.channels * self.side**2

    def kernels(self, batch: int) -> int:
        return batch * self.groups * self.kernel_size**2 * self.out_side**2

    def outputs(self, batch: int) -> int:
        return batch * self.channels * self.out_side**2

    def features(self, batch: int) -> int:
        return batch * self.reduced * self.out_side**2


REDNET26 = (
    Shape("stem", 32, 112, kernel_size=3),
    Shape("stage 1", 64, 56),
    Shape("stage 2, first", 128, 56, stride=2),
    Shape("stage 2", 128, 28),
    Shape("stage 3, first", 256, 28, stride=2),
    Shape("stage 3", 256, 14, count=3),
    Shape("stage 4", 512, 14, stride=2),
)


def forward(shape: Shape, batch: int) -> int:
    """Elements: the input and the kernels read, the output written."""
    return shape.inputs(batch) + shape.kernels(batch) + shape.outputs(batch)


def backward(shape: Shape, batch: int) -> int:
    """Elements: input, kernels and upstream read, two gradients written."""
    return 2 * (shape.inputs(batch) + shape.kernels(batch)) + shape.outputs(batch)


def unfused_tail(shape: Shape, batch: int) -> int:
    """Elements: the involution, then a pass for batch norm and ReLU in one."""
    return forward(shape, batch) + 2 * shape.outputs(batch)


def from_features(shape: Shape, batch: int) -> int:
    """Elements: a convolution writes the kernels, the involution with its tail."""
    made = shape.features(batch) + shape.kernels(batch)
    return made + forward(shape, batch)


def generated(shape: Shape, batch: int) -> int:
    """Elements: the same with kernels that never reach memory."""
    return shape.inputs(batch) + shape.features(batch) + shape.outputs(batch)


HEADER = (
    "shape",
    "forward MB",
    "backward MB",
    "+ norm, ReLU MB",
    "from features MB",
    "generated MB",
)


def rows(batch: int, size: int) -> Sequence[Sequence[str]]:
    """Megabytes (1e6 bytes) of every shape, for elements of `size` bytes."""
    counts = (forward, backward, unfused_tail, from_features, generated)
    return [
        [shape.name, *(f"{count(shape, batch) * size / 1e6:.1f}" for count in counts)]
        for shape in REDNET26
    ]
