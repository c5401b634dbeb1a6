"""The numpy involution against hand-made numbers and against the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from ppim_port.ops.involution_numpy import involution
from tests.ops.cases import cases
from tests.support.involutions import Case, oracle, unfolded

# Sums of at most 49 products in another order: at most 5e-16 of the largest output,
# measured over 864 cases with numpy 2.4.
FLOAT64 = 1e-14


def test_hand_made_row() -> None:
    x = np.array([[[[1.0, 2.0, 3.0]]]])
    weight = np.zeros((1, 1, 9, 1, 3))
    # Taps 3, 4, 5 are left, centre, right; each position has a kernel of its own.
    weight[0, 0, 3:6, 0, 0] = 10, 1, 100
    weight[0, 0, 3:6, 0, 1] = 1, 0, -1
    weight[0, 0, 3:6, 0, 2] = 2, 3, 1000
    out = involution(x, weight, kernel_size=3)
    assert out.tolist() == [[[[0 + 1 + 200, 1 - 3, 4 + 9 + 0]]]]


def test_taps_run_row_by_row_from_the_top_left() -> None:
    x = np.arange(9.0).reshape(1, 1, 3, 3)
    weight = np.zeros((1, 1, 9, 3, 3))
    weight[0, 0, :, 1, 1] = 10.0 ** np.arange(9)
    out = involution(x, weight, kernel_size=3)
    assert out[0, 0, 1, 1] == 876543210


def test_neighbouring_channels_share_a_kernel() -> None:
    x = np.ones((1, 4, 1, 1))
    weight = np.array([5.0, 7.0]).reshape(1, 2, 1, 1, 1)
    out = involution(x, weight, kernel_size=1)
    assert out.ravel().tolist() == [5, 5, 7, 7]


def test_stride_starts_at_the_first_position_and_rounds_up() -> None:
    x = np.arange(5.0).reshape(1, 1, 1, 5)
    out = involution(x, np.ones((1, 1, 1, 1, 3)), kernel_size=1, stride=2)
    assert out.ravel().tolist() == [0, 2, 4]


def test_dilation_spreads_the_taps() -> None:
    x = np.arange(1.0, 8).reshape(1, 1, 1, 7)
    out = involution(x, np.ones((1, 1, 9, 1, 7)), kernel_size=3, dilation=2)
    assert out.ravel().tolist() == [4, 6, 9, 12, 15, 10, 12]


@settings(max_examples=60, deadline=None)
@given(case=cases)
def test_oracle_is_the_definition(case: Case) -> None:
    x, weight = case.arrays()
    expected = unfolded(case, x.astype(np.float64), weight.astype(np.float64))
    found = oracle(case, x.astype(np.float64), weight.astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=0, atol=FLOAT64 * scale(expected))


def scale(values: np.ndarray) -> float:
    return float(np.abs(values).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_oracle_keeps_the_dtype(dtype: str) -> None:
    case = Case(dtype=dtype)
    assert oracle(case, *case.arrays()).dtype == dtype
