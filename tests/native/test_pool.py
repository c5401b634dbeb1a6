"""The C++ pools are held to numpy, and to what PyTorch does with NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppim_port.native import calls
from ppim_port.native.buffers import Buffer
from ppim_port.native.geometry import Geometry
from ppim_port.state_dict import Array
from tests.support.native import (
    ROUNDING,
    Guarded,
    named,
    needs_kernels,
    on_every_set,
    same_bits,
    stored,
    values,
)

pytestmark = [needs_kernels, on_every_set]
both = pytest.mark.parametrize("dtype", ["float32", "bfloat16"])


def noise(shape: tuple[int, ...], dtype: str) -> Array:
    return stored(np.random.default_rng(3).standard_normal(shape), dtype)


def pooled(isa: str, x: Array, window: Geometry, *, average: bool) -> Array:
    n, h, w, c = x.shape
    dtype = Buffer.of(x).dtype
    out = Guarded((n, window.out(h), window.out(w), c), dtype)
    calls.pool(named(isa), Buffer.of(x), out.buffer, window, average=average)
    assert out.intact()
    return out.array


def windows(x: Array, window: Geometry, fill: float) -> Any:
    p, k = window.padding, window.kernel_size
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=fill)
    found = np.lib.stride_tricks.sliding_window_view(padded, (k, k), (1, 2))
    return found[:, :: window.stride, :: window.stride]


def test_they_equal_numpys_on_any_sizes(isa: str) -> None:
    @settings(max_examples=80, deadline=None)
    @given(data=st.data())
    def agrees(data: st.DataObject) -> None:
        size = data.draw(st.integers(1, 4), "size")
        average = data.draw(st.booleans(), "average")
        padding = 0 if average else data.draw(st.integers(0, size // 2), "padding")
        sides = st.integers(size, 11)
        window = Geometry(size, data.draw(st.integers(1, 5)), padding=padding)
        shape = (data.draw(st.integers(0, 3)), *data.draw(st.tuples(sides, sides)))
        dtype = data.draw(st.sampled_from(("float32", "bfloat16")))
        x = noise((*shape, data.draw(st.integers(1, 40))), dtype)
        found = values(pooled(isa, x, window, average=average))
        if average:
            expected = windows(values(x), window, 0).mean(axis=(4, 5))
            total = windows(abs(values(x)), window, 0).mean(axis=(4, 5))
            limit = (size**2 + 2) * ROUNDING["float32"] * total
            rounding = ROUNDING[dtype] * (abs(expected) + limit)
            assert (abs(found - expected) <= limit + rounding).all()
        else:
            expected = windows(values(x), window, -np.inf).max(axis=(4, 5))
            np.testing.assert_array_equal(found, expected)

    agrees()


@both
def test_what_is_left_over_at_the_end_is_dropped(isa: str, dtype: str) -> None:
    x = noise((1, 5, 7, 3), dtype)
    found = pooled(isa, x, Geometry(2, 2), average=True)
    assert found.shape == (1, 2, 3, 3)
    cut = np.ascontiguousarray(x[:, :4, :6])
    assert same_bits(found, pooled(isa, cut, Geometry(2, 2), average=True))


@both
@pytest.mark.parametrize("channels", [3, 40])
def test_nan_is_the_maximum_of_its_window_wherever_it_stands(
    isa: str, dtype: str, channels: int
) -> None:
    for place in range(9):
        x = np.ones((1, 3, 3, channels))
        x[0, place // 3, place % 3] = np.nan
        found = values(pooled(isa, stored(x, dtype), Geometry(3), average=False))
        assert np.isnan(found).all()


@both
def test_negative_infinity_is_a_maximum_too(isa: str, dtype: str) -> None:
    x = stored(np.full((1, 2, 2, 20), -np.inf), dtype)
    assert (values(pooled(isa, x, Geometry(2), average=False)) == -np.inf).all()


@both
@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 7), (2, 5), (9, 1), (1, 6)])
def test_mean_is_over_all_positions_of_any_rectangle(
    isa: str, dtype: str, height: int, width: int
) -> None:
    x = noise((3, height, width, 37), dtype)
    out = Guarded((3, 1, 1, 37), dtype)
    calls.mean(named(isa), Buffer.of(x), out.buffer)
    expected = values(x).mean(axis=(1, 2), keepdims=True)
    limit = 60 * ROUNDING["float32"] + ROUNDING[dtype] * abs(expected)
    assert (abs(values(out.array) - expected) <= limit).all()
    assert out.intact()
    if height == width:
        whole = Geometry(height, height)
        assert same_bits(out.array, pooled(isa, x, whole, average=True))
