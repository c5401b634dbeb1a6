"""What does not fit is refused by name before C++ sees it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ppim_port.errors import UsageError
from ppim_port.native import calls
from ppim_port.native.buffers import Buffer
from ppim_port.native.calls import Affine
from ppim_port.native.geometry import Geometry
from ppim_port.native.packing import Packed, pack
from tests.support.native import ISAS, named, needs_kernels

pytestmark = needs_kernels


def zeros(*shape: int, dtype: str = "float32") -> Buffer:
    return Buffer.of(np.zeros(shape, dtype))


def refused(text: str) -> Any:
    return pytest.raises(UsageError, match=re.escape(text))


def packed(out: int = 3, channels: int = 2, size: int = 3) -> Packed:
    weight = np.zeros((out, channels, size, size))
    return pack(named(ISAS[-1]), weight, np.zeros(out))


def convolve(x: Buffer, out: Buffer, **options: Any) -> None:
    calls.convolution(named(ISAS[-1]), x, packed(), out, **options)


@pytest.mark.parametrize(
    ("x", "out", "options", "text"),
    [
        ((1, 5, 5, 4), (1, 3, 3, 3), {}, "The input: float32 [1, 5, 5, 4], expected"),
        ((1, 5, 5), (1, 3, 3, 3), {}, "The input: [1, 5, 5], expected [N, H, W, C]"),
        ((1, 5, 5, 2), (1, 3, 2, 3), {}, "expected float32 [1, 3, 3, 3]"),
        ((1, 5, 5, 2), (1, 3, 3, 4), {}, "The output: float32 [1, 3, 3, 4]"),
        ((1, 2, 5, 2), (1, 1, 3, 3), {}, "window of 3 does not fit into 2 positions"),
        ((1, 5, 5, 2), (1, 3, 3, 3), {"stride": 0}, "must be at least 1"),
        ((1, 5, 5, 2), (1, 3, 3, 3), {"padding": -1}, "the padding at least 0"),
    ],
)
def test_a_convolution_names_what_does_not_fit(
    x: tuple[int, ...], out: tuple[int, ...], options: dict[str, int], text: str
) -> None:
    with refused(text):
        convolve(zeros(*x), zeros(*out), **options)


def test_a_convolution_names_dtypes_and_the_residual() -> None:
    x, out = zeros(1, 5, 5, 2), zeros(1, 3, 3, 3)
    with refused("The input: float64 [1, 5, 5, 2], expected float32"):
        convolve(zeros(1, 5, 5, 2, dtype="float64"), out)
    with refused("The output: float64, expected float32 or bfloat16"):
        convolve(x, zeros(1, 3, 3, 3, dtype="float64"))
    with refused("The residual: float32 [1, 3, 3, 2], expected float32 [1, 3, 3, 3]"):
        convolve(x, out, residual=zeros(1, 3, 3, 2))
    with refused("The residual: bfloat16"):
        convolve(x, out, residual=zeros(1, 3, 3, 3, dtype="uint16"))


def test_weights_that_are_packed_for_other_kernels_are_refused() -> None:
    other = replace(packed(), panel=7)
    with refused("packed in panels of 7"):
        calls.convolution(named(ISAS[-1]), zeros(1, 5, 5, 2), other, zeros(1, 3, 3, 3))


def test_an_involution_names_kernels_of_another_dtype() -> None:
    x, kernels = zeros(1, 3, 3, 2), zeros(1, 3, 3, 1, 9, dtype="uint16")
    with refused("The kernels: bfloat16, expected float32"):
        calls.involution(named(ISAS[-1]), x, kernels, x, Geometry(3))
    x = zeros(1, 3, 3, 2, dtype="uint16")
    kernels = zeros(1, 3, 3, 1, 9, dtype="float64")
    with refused("The kernels: float64, expected bfloat16 or float32"):
        calls.involution(named(ISAS[-1]), x, kernels, x, Geometry(3))


def test_a_copy_names_what_is_not_alike() -> None:
    with refused("The copy: float32 [3], expected float32 [2]"):
        calls.copy(named(ISAS[-1]), zeros(2), zeros(3))
    with refused("The copy: bfloat16 [2], expected float32 [2]"):
        calls.copy(named(ISAS[-1]), zeros(2), zeros(2, dtype="uint16"))


@pytest.mark.parametrize(
    ("weight", "bias", "text"),
    [
        ((3, 2, 3, 1), 3, "expected [O, C, K, K]"),
        ((3, 2), 3, "expected [O, C, K, K]"),
        ((3, 0, 1, 1), 3, "none of 0"),
        ((3, 2, 1, 1), 2, "The bias is [2]; expected [3]"),
    ],
)
def test_packing_refuses_sizes_that_do_not_fit(
    weight: tuple[int, ...], bias: int, text: str
) -> None:
    with refused(text):
        pack(named(ISAS[-1]), np.zeros(weight), np.zeros(bias))


def test_packing_bfloat16_refuses_an_odd_number_of_channels() -> None:
    with refused("channels in pairs; this layer has 3"):
        pack(named(ISAS[-1]), np.zeros((4, 3, 1, 1)), np.zeros(4), dtype="bfloat16")


def test_a_buffer_refuses_gaps_and_dtypes_that_no_kernel_knows() -> None:
    with refused("without gaps"):
        Buffer.of(np.zeros((2, 3, 4), np.float32)[:, ::2])
    for dtype in ("float16", "int32", ">f4"):
        with refused("expected float32, float64 or uint16"):
            Buffer.of(np.zeros(3, dtype))


def involve(x: Buffer, weight: Buffer, out: Buffer, size: int = 3, **more: Any) -> None:
    calls.involution(named(ISAS[-1]), x, weight, out, Geometry(size), **more)


@pytest.mark.parametrize(
    ("x", "weight", "size", "text"),
    [
        ((1, 4, 4, 6), (1, 4, 4, 4, 9), 3, "6 channels in 4 groups"),
        ((1, 4, 4, 6), (1, 4, 4, 2, 4), 2, "the size must be odd"),
        ((1, 4, 4, 6), (1, 4, 3, 2, 9), 3, "expected float32 [1, 4, 4, 2, 9]"),
        ((1, 4, 4, 6), (1, 4, 4, 2, 25), 3, "The kernels: float32 [1, 4, 4, 2, 25]"),
        ((1, 4, 4, 6), (1, 4, 4, 9), 3, "expected [N, H', W', G, K*K]"),
        ((1, 4, 4, 6), (2, 4, 4, 2, 9), 3, "expected float32 [1, 4, 4, 2, 9]"),
    ],
)
def test_an_involution_names_what_does_not_fit(
    x: tuple[int, ...], weight: tuple[int, ...], size: int, text: str
) -> None:
    with refused(text):
        involve(zeros(*x), zeros(*weight), zeros(1, 4, 4, 6), size)


def test_an_involution_names_its_output_dtypes_and_affine() -> None:
    x, weight, out = zeros(1, 4, 4, 6), zeros(1, 4, 4, 2, 9), zeros(1, 4, 4, 6)
    with refused("The output: float32 [1, 4, 4, 5]"):
        involve(x, weight, zeros(1, 4, 4, 5))
    with refused("The kernels: float64"):
        involve(x, zeros(1, 4, 4, 2, 9, dtype="float64"), out)
    half = Buffer(x.pointer, x.shape, "torch.float16", None)
    with refused("The input: torch.float16, expected float32 or bfloat16 or float64"):
        involve(half, weight, out)
    good, short = np.zeros(6, np.float32), np.zeros(5, np.float32)
    with refused("The shift: float32 [5], expected float32 [6]"):
        involve(x, weight, out, affine=Affine(good, short))
    wide: Any = np.zeros(6)
    with refused("The scale: float64 [6]"):
        involve(x, weight, out, affine=Affine(wide, good))


def test_gradients_name_what_does_not_fit() -> None:
    x, weight = zeros(1, 4, 4, 6), zeros(1, 4, 4, 2, 9)

    def differentiate(gradient: Buffer, *outs: Buffer) -> None:
        library = named(ISAS[-1])
        pair = (outs[0], outs[1])
        calls.involution_gradient(library, x, weight, gradient, pair, Geometry(3))

    with refused("The gradient: float32 [1, 4, 3, 6]"):
        differentiate(zeros(1, 4, 3, 6), x, weight)
    with refused("The input's gradient: float32 [1, 4, 4, 2, 9]"):
        differentiate(x, weight, weight)
    with refused("The kernels' gradient: float32 [1, 4, 4, 6]"):
        differentiate(x, x, x)


def test_pools_name_what_does_not_fit() -> None:
    library, x = named(ISAS[-1]), zeros(1, 4, 4, 6)
    with refused("expected float32 [1, 2, 2, 6]"):
        calls.pool(library, x, zeros(1, 2, 1, 6), Geometry(2, 2), average=True)
    with refused("The input: float64, expected float32 or bfloat16"):
        wide = zeros(1, 4, 4, 6, dtype="float64")
        calls.pool(library, wide, wide, Geometry(1), average=True)
    with refused("a padding of 0 at most"):
        calls.pool(library, x, x, Geometry(3, padding=1), average=True)
    with refused("a padding of 1 at most"):
        calls.pool(library, x, x, Geometry(2, padding=2), average=False)
    with refused("does not fit into 4 positions"):
        calls.pool(library, x, x, Geometry(5), average=False)
    with refused("expected float32 [1, 1, 1, 6]"):
        calls.mean(library, x, x)
    with refused("no mean over 0 x 4 positions"):
        calls.mean(library, zeros(1, 0, 4, 6), zeros(1, 1, 1, 6))


def test_what_is_refused_leaves_the_output_as_it_was() -> None:
    out = np.full((1, 3, 3, 3), 7, np.float32)
    with pytest.raises(UsageError, match="Nothing was computed"):
        convolve(zeros(1, 5, 5, 4), Buffer.of(out))
    assert (out == 7).all()
