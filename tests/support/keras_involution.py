"""Keras' involution written out in numpy, from a layer's weights to its output.

Position by position, in float64, with groups, padding and pooling as each convention
says; it shares no code with the layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Literal

import numpy as np

from ppim_port.state_dict import Array


@dataclass(frozen=True, slots=True)
class Case:
    """A layer and an input."""

    convention: Literal["keras", "paper"] = "keras"
    channels: int = 4
    groups: int = 2
    kernel_size: int = 3
    stride: int = 1
    ratio: int = 2
    height: int = 6
    width: int = 8
    use_bias: bool = True

    def group_of(self, channel: int) -> int:
        """Interleaved in the example, neighbours in the paper."""
        if self.convention == "keras":
            return channel % self.groups
        return channel // (self.channels // self.groups)

    def output_of(self, tap: int, group: int) -> int:
        """Which output of the generator is a tap of a group."""
        if self.convention == "keras":
            return tap * self.groups + group
        return group * self.kernel_size**2 + tap

    def before(self, size: int) -> int:
        """Zeros in front of a side."""
        if self.convention == "paper":
            return (self.kernel_size - 1) // 2
        steps = ceil(size / self.stride)
        return max((steps - 1) * self.stride + self.kernel_size - size, 0) // 2


CASES = {
    "the example's": Case(channels=3, groups=1),
    "groups": Case(),
    "as many groups as channels": Case(groups=4),
    "stride 2, even sides": Case(stride=2),
    "stride 2, odd sides": Case(stride=2, height=7, width=5),
    "stride 3, big kernels": Case(kernel_size=5, stride=3, height=7, width=9),
    "even kernels": Case(kernel_size=2, stride=2, height=5, channels=6, groups=3),
    "kernels of one pixel": Case(kernel_size=1, stride=2, height=5),
    "no reduction, no bias": Case(ratio=1, use_bias=False),
    "the paper's": Case("paper", groups=2, kernel_size=7, use_bias=False),
    "the paper's, stride 2": Case("paper", stride=2, kernel_size=3),
}


def weights(case: Case, seed: int = 0) -> list[Array]:
    """A layer's weights in Keras' order, the variance positive."""
    random = np.random.default_rng(seed)
    inner = case.channels // case.ratio
    span = case.kernel_size**2 * case.groups
    first = [random.normal(0, 1, (1, 1, case.channels, inner))]
    first += [random.normal(0, 1, inner)] if case.use_bias else []
    return [
        *first,
        random.uniform(0.5, 1.5, inner),
        random.normal(0, 1, inner),
        random.normal(0, 1, inner),
        random.uniform(0.5, 1.5, inner),
        random.normal(0, 1, (1, 1, inner, span)),
        random.normal(0, 1, span),
    ]


def picture(case: Case, count: int = 2) -> Array:
    """An input `[N, H, W, C]`."""
    shape = (count, case.height, case.width, case.channels)
    return np.random.default_rng(1).standard_normal(shape)


def involution(case: Case, x: Array, values: list[Array]) -> tuple[Array, Array]:
    """Output `[N, H', W', C]` and kernels `[N, H', W', K * K, 1, G]`."""
    made = _generated(case, _pooled(case, x), values)
    count, rows, columns = made.shape[:3]
    taps = list(product(range(case.kernel_size), repeat=2))
    out = np.zeros((count, rows, columns, case.channels))
    kernels = np.zeros((count, rows, columns, len(taps), 1, case.groups))
    top, left = case.before(case.height), case.before(case.width)
    for row, column in product(range(rows), range(columns)):
        for tap, (i, j) in enumerate(taps):
            y, z = row * case.stride + i - top, column * case.stride + j - left
            inside = 0 <= y < case.height and 0 <= z < case.width
            for group in range(case.groups):
                weight = made[:, row, column, case.output_of(tap, group)]
                kernels[:, row, column, tap, 0, group] = weight
            for channel in range(case.channels if inside else 0):
                group = case.group_of(channel)
                weight = made[:, row, column, case.output_of(tap, group)]
                out[:, row, column, channel] += weight * x[:, y, z, channel]
    return out, kernels


def _pooled(case: Case, x: Array) -> Array:
    """Means over what is inside of each window."""
    step = case.stride
    rows, columns = ceil(case.height / step), ceil(case.width / step)
    top = (rows * step - case.height) // 2
    left = (columns * step - case.width) // 2
    out = np.empty((len(x), rows, columns, case.channels))
    for row, column in product(range(rows), range(columns)):
        y, z = row * step - top, column * step - left
        window = x[:, max(y, 0) : y + step, max(z, 0) : z + step]
        out[:, row, column] = window.mean((1, 2))
    return out


def _generated(case: Case, x: Array, values: list[Array]) -> Array:
    rest = list(values)
    x = x @ rest.pop(0)[0, 0]
    x = x + rest.pop(0) if case.use_bias else x
    gamma, beta, mean, variance, last, bias = rest
    x = (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    return np.maximum(x, 0) @ last[0, 0] + bias
