"""Inference by our C++ kernels on numpy arrays; no framework takes part.

Each picture's result is the same to the last bit in every batch and on every number of
threads, because every sum runs in one order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppim_port.inference.layers import Convolution, Convolve, Involution, Involve
from ppim_port.inference.memory import Block, Memory
from ppim_port.native import calls
from ppim_port.native.buffers import Buffer
from ppim_port.native.calls import Affine
from ppim_port.native.geometry import Geometry
from ppim_port.native.library import Library
from ppim_port.native.packing import ElementType, pack
from ppim_port.native.replay import Recorder
from ppim_port.state_dict import Array

_STORED: dict[str, np.dtype[Any]] = {
    "float32": np.dtype(np.float32),
    "bfloat16": np.dtype(np.uint16),
}


class _Own(threading.local):
    """What a thread's calls go through, if not the kernels themselves."""

    recorder: Recorder | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """What a thread computed while it was recorded.

    Attributes:
        recorder: remembers the calls.
        blocks: the memory that these point to.
    """

    recorder: Recorder
    blocks: list[Block]


class NativeEngine:
    """An engine on arrays: float32, or bfloat16 as uint16 bits; see `Engine`.

    Args:
        library: the kernels.
        dtype: of activations and weights; pictures and logits are float32.
        threads: for each operator.
    """

    def __init__(
        self, library: Library, *, dtype: ElementType = "float32", threads: int = 1
    ) -> None:
        self._library = library
        self._dtype: ElementType = dtype
        self._threads = threads
        self._memory = Memory()
        self._own = _Own()

    @property
    def _kernels(self) -> Library:
        return self._own.recorder or self._library

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """Record what this thread computes, in memory that nobody else gets."""
        recorder = Recorder.of(self._library)
        with self._memory.pinned() as blocks:
            self._own.recorder = recorder
            try:
                yield Recording(recorder, blocks)
            finally:
                self._own.recorder = None

    def convolution(
        self, layer: Convolution, *, first: bool = False, kernels: bool = False
    ) -> Convolve[Array]:
        """See `Engine.convolution`."""
        dtype: ElementType = "float32" if first else self._dtype
        return self._convolution(layer, dtype, "float32" if kernels else self._dtype)

    def linear(self, layer: Convolution) -> Callable[[Array], Array]:
        """See `Engine.linear`; logits are float32."""
        run = self._convolution(layer, self._dtype, "float32")
        classes = len(layer.bias)
        return lambda x: run(x).reshape(len(x), classes)

    def _convolution(
        self, layer: Convolution, dtype: ElementType, result: ElementType
    ) -> Convolve[Array]:
        packed = pack(self._library, layer.weight, layer.bias, dtype=dtype)
        relu = layer.relu  # The layer itself would keep its float64 weights.
        window = Geometry(
            layer.kernel_size, layer.stride, padding=layer.kernel_size // 2
        )

        def run(x: Array, residual: Array | None = None) -> Array:
            n, h, w, _ = x.shape
            shape = (n, window.out(h), window.out(w), packed.out_channels)
            out = self._memory.empty(shape, _STORED[result])
            calls.convolution(
                self._kernels,
                Buffer.of(x),
                packed,
                Buffer.of(out),
                stride=window.stride,
                padding=window.padding,
                residual=None if residual is None else Buffer.of(residual),
                relu=relu,
                threads=self._threads,
            )
            return out

        return run

    def involution(self, layer: Involution) -> Involve[Array]:
        """See `Engine.involution`."""
        affine = Affine(layer.scale.astype(np.float32), layer.shift.astype(np.float32))
        window = Geometry(layer.kernel_size, layer.stride)

        def run(x: Array, kernels: Array) -> Array:
            n, h, w, _ = kernels.shape
            shape = (n, h, w, layer.groups, layer.kernel_size**2)
            out = self._memory.empty((n, h, w, x.shape[3]), x.dtype)
            calls.involution(
                self._kernels,
                Buffer.of(x),
                Buffer.of(kernels.reshape(shape)),
                Buffer.of(out),
                window,
                affine=affine,
                relu=True,
                threads=self._threads,
            )
            return out

        return run

    def each(self, x: Array, call: Callable[[Array], Array]) -> Array:
        """See `Engine.each`."""
        if len(x) <= 1:
            return call(x)
        first = call(x[:1])
        out = self._memory.empty((len(x), *first.shape[1:]), first.dtype)
        self._copy(first, out[:1])
        for at in range(1, len(x)):
            self._copy(call(x[at : at + 1]), out[at : at + 1])
        return out

    def _copy(self, x: Array, out: Array) -> None:
        calls.copy(self._kernels, Buffer.of(x), Buffer.of(out))

    def shape(self, x: Array) -> tuple[int, ...]:
        """See `Engine.shape`."""
        return x.shape

    def max_pool(self, x: Array) -> Array:
        """See `Engine.max_pool`."""
        return self._pool(x, Geometry(3, 2, padding=1), average=False)

    def average_pool(self, x: Array, size: int) -> Array:
        """See `Engine.average_pool`."""
        return self._pool(x, Geometry(size, size), average=True)

    def mean(self, x: Array) -> Array:
        """See `Engine.mean`."""
        out = self._memory.empty((len(x), 1, 1, x.shape[3]), x.dtype)
        calls.mean(self._kernels, Buffer.of(x), Buffer.of(out))
        return out

    def _pool(self, x: Array, window: Geometry, *, average: bool) -> Array:
        n, h, w, c = x.shape
        out = self._memory.empty((n, window.out(h), window.out(w), c), x.dtype)
        calls.pool(self._kernels, Buffer.of(x), Buffer.of(out), window, average=average)
        return out
