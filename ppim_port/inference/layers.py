"""Layers of the inference form, as data, and what an engine makes of them.

All tensors between layers are channels-last, `[N, H, W, C]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from ppim_port.state_dict import Array, FrameworkName, StateDict

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """A convolution with the batch norm behind it folded in.

    Attributes:
        weight: `[O, C, K, K]`, float64.
        bias: `[O]`, float64.
        stride: step between output positions; the padding is K // 2.
        relu: whether a ReLU follows (and the residual, if any, goes before it).
    """

    weight: Array
    bias: Array
    stride: int = 1
    relu: bool = False

    @property
    def kernel_size(self) -> int:
        """K."""
        return int(self.weight.shape[2])


@dataclass(frozen=True, slots=True, eq=False)
class Involution:
    """An involution, the batch norm behind it as scale and shift, and a ReLU.

    Attributes:
        scale: `[C]`, float64.
        shift: `[C]`, float64.
        kernel_size: K, odd.
        groups: of channels that share a kernel.
        stride: step between output positions.
    """

    scale: Array
    shift: Array
    kernel_size: int
    groups: int
    stride: int = 1


# Names of a batch norm's mean and variance.
_STATISTICS: dict[FrameworkName, tuple[str, str]] = {
    "torch": ("running_mean", "running_var"),
    "paddle": ("_mean", "_variance"),
}

# Of every batch norm. Paddle passes it on as float32 in every precision, and a float64
# net's variances are mended for that (see `backends/paddle.py`).
_EPSILON: dict[FrameworkName, float] = {
    "torch": 1e-5,
    "paddle": float(np.float32(1e-5)),
}

Convolve = Callable[..., T]
Involve = Callable[[T, T], T]


class Engine(Protocol[T]):
    """Who runs layers on tensors of type T."""

    def convolution(
        self, layer: Convolution, *, first: bool = False, kernels: bool = False
    ) -> Convolve[T]:
        """Prepare a layer: `run(x, residual=None)`.

        Args:
            layer: the layer.
            first: whether its input is the picture, which is never rounded.
            kernels: whether its output is an involution's kernels, which are not
                rounded either: each is read once, so nothing is gained by it.
        """

    def involution(self, layer: Involution) -> Involve[T]:
        """Prepare a layer: `run(x, kernels)`, kernels `[N, H', W', G * K * K]`."""

    def each(self, x: T, call: Callable[[T], T]) -> T:
        """A call on each picture by itself; what it gives, joined again."""

    def shape(self, x: T) -> tuple[int, ...]:
        """Of a tensor."""

    def max_pool(self, x: T) -> T:
        """Window 3, stride 2, padding 1."""

    def average_pool(self, x: T, size: int) -> T:
        """Windows that do not overlap; what is left over at the end is dropped."""

    def mean(self, x: T) -> T:
        """Over all positions: `[N, 1, 1, C]`."""

    def linear(self, layer: Convolution) -> Callable[[T], T]:
        """Prepare a classifier: `[N, 1, 1, C]` to logits `[N, classes]`."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Reads layers out of a net's state, with batch norms folded in float64.

    Attributes:
        state: of a live net.
        framework: whose names and layouts they are.
    """

    state: StateDict
    framework: FrameworkName

    def affine(self, name: str) -> tuple[Array, Array]:
        """Scale and shift that a batch norm is in inference."""
        weight, bias, mean, variance = (
            self.state[f"{name}.{leaf}"].astype(np.float64)
            for leaf in ("weight", "bias", *_STATISTICS[self.framework])
        )
        scale = weight / np.sqrt(variance + _EPSILON[self.framework])
        return scale, bias - mean * scale

    def convolution(
        self, name: str, norm: str, *, stride: int = 1, relu: bool = False
    ) -> Convolution:
        """A convolution without bias and the batch norm behind it."""
        scale, shift = self.affine(norm)
        weight = self.state[f"{name}.weight"].astype(np.float64)
        return Convolution(weight * scale[:, None, None, None], shift, stride, relu)

    def biased(self, name: str) -> Convolution:
        """A convolution with a bias and nothing behind it."""
        weight = self.state[f"{name}.weight"].astype(np.float64)
        return Convolution(weight, self.state[f"{name}.bias"].astype(np.float64))

    def linear(self, name: str) -> Convolution:
        """A linear layer, as a convolution of size 1."""
        weight = self.state[f"{name}.weight"].astype(np.float64)
        weight = weight.T if self.framework == "paddle" else weight
        bias = self.state[f"{name}.bias"].astype(np.float64)
        return Convolution(weight[:, :, None, None], bias)
