"""Convolutions of all sizes: noise, the C++ kernel's answer, and numpy's in float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ppim_port.native import calls
from ppim_port.native.buffers import Buffer
from ppim_port.native.geometry import Geometry
from ppim_port.native.packing import ElementType, pack
from ppim_port.state_dict import Array
from tests.support.native import ROUNDING, Guarded, named, stored, values


@dataclass(frozen=True, slots=True)
class Case:
    """The sizes of a convolution, and what goes with it."""

    batch: int = 2
    height: int = 5
    width: int = 6
    channels: int = 4
    out_channels: int = 5
    kernel_size: int = 3
    stride: int = 1
    padding: int = 1
    dtype: ElementType = "float32"
    out_dtype: ElementType = "float32"
    residual: bool = False
    in_place: bool = False
    relu: bool = False
    threads: int = 1

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        window = Geometry(self.kernel_size, self.stride, padding=self.padding)
        sides = window.out(self.height), window.out(self.width)
        return (self.batch, *sides, self.out_channels)

    def fits(self) -> bool:
        smallest = min(self.height, self.width) + 2 * self.padding
        return smallest >= self.kernel_size and (
            self.dtype == "float32" or self.channels % 2 == 0
        )


floats = st.sampled_from(("float32", "bfloat16"))
cases = st.builds(
    Case,
    batch=st.integers(0, 3),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    channels=st.integers(1, 40),
    out_channels=st.integers(1, 70),
    kernel_size=st.sampled_from((1, 3, 5)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dtype=floats,
    out_dtype=floats,
    residual=st.booleans(),
    in_place=st.booleans(),
    relu=st.booleans(),
    threads=st.integers(1, 3),
).filter(Case.fits)


@dataclass(frozen=True, slots=True)
class Tensors:
    """Inputs of a convolution, as stored."""

    x: Array
    weight: Array
    bias: Array
    residual: Array | None


def tensors(case: Case, seed: int = 0) -> Tensors:
    """Noise for a case."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((case.batch, case.height, case.width, case.channels))
    k = case.kernel_size
    weight = rng.standard_normal((case.out_channels, case.channels, k, k))
    residual = rng.standard_normal(case.out_shape)
    return Tensors(
        stored(x, case.dtype),
        values(stored(weight, case.dtype)),
        rng.standard_normal(case.out_channels).astype(np.float32),
        stored(residual, case.out_dtype) if case.residual else None,
    )


def run(isa: str, case: Case, given: Tensors, **changes: Any) -> Array:
    """The kernel's answer; nothing is written beside it."""
    library = named(isa)
    out = Guarded(case.out_shape, case.out_dtype)
    residual = None
    if given.residual is not None:
        residual = Buffer.of(given.residual)
        if case.in_place:
            out.array[:] = given.residual
            residual = out.buffer
    options: dict[str, Any] = {
        "stride": case.stride,
        "padding": case.padding,
        "residual": residual,
        "relu": case.relu,
        "threads": case.threads,
    }
    layer = pack(library, given.weight, given.bias, dtype=case.dtype)
    calls.convolution(
        library, Buffer.of(given.x), layer, out.buffer, **options | changes
    )
    assert out.intact()
    return out.array


def oracle(case: Case, given: Tensors) -> tuple[Array, Array]:
    """The answer in float64, and how far a right one can be from it."""
    x, weight = values(given.x), given.weight
    bias = given.bias.astype(np.float64)
    residual = 0 if given.residual is None else values(given.residual)
    expected = _convolved(case, x, weight) + bias + residual
    # Each float32 addition rounds once, relative to a sum that the absolute terms
    # bound (Higham, Accuracy and Stability of Numerical Algorithms, 4.2).
    total = _convolved(case, abs(x), abs(weight)) + abs(bias) + abs(residual)
    steps = case.kernel_size**2 * case.channels + 3
    limit = steps * ROUNDING["float32"] * total
    expected = np.maximum(expected, 0) if case.relu else expected
    if case.out_dtype == "bfloat16":
        limit = limit + ROUNDING["bfloat16"] * (abs(expected) + limit)
    return expected, limit


def _convolved(case: Case, x: Array, weight: Array) -> Array:
    p, k = case.padding, case.kernel_size
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), (1, 2))
    steps = windows[:, :: case.stride, :: case.stride]
    found: Array = np.einsum("nhwcij,ocij->nhwo", steps, weight, optimize=True)
    return found
