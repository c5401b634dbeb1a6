"""NaN and infinities go through a convolution as they do in PyTorch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ppim_port.native.packing import from_bfloat16
from ppim_port.state_dict import Array
from tests.support.convolutions import Case, run, tensors
from tests.support.native import named, needs_kernels, on_every_set, stored, values

pytestmark = [needs_kernels, on_every_set]

NAN, INF = float("nan"), float("inf")
both = pytest.mark.parametrize("dtype", ["float32", "bfloat16"])


def through_a_one(isa: str, numbers: list[float], dtype: str, *, relu: bool) -> Array:
    """Numbers times one, in as many channels as there are lanes, and some more."""
    outs = named(isa).panel + 3
    case = Case(1, 1, len(numbers), 2, outs, 1, 1, 0, dtype, dtype, relu=relu)  # type: ignore[arg-type]
    x = np.zeros((1, 1, len(numbers), 2))
    x[..., 0] = numbers
    weight = np.zeros((outs, 2, 1, 1))
    weight[:, 0] = 1
    inputs = tensors(case)
    inputs = replace(
        inputs, x=stored(x, dtype), weight=weight, bias=np.zeros(outs, np.float32)
    )
    return values(run(isa, case, inputs))[0, 0]


@both
def test_nan_stays_nan_through_the_relu(isa: str, dtype: str) -> None:
    found = through_a_one(isa, [NAN, -1, 1], dtype, relu=True)
    assert np.isnan(found[0]).all()
    assert (found[1] == 0).all()
    assert (found[2] == 1).all()


@both
def test_infinities_stay_and_the_relu_takes_the_negative_one(
    isa: str, dtype: str
) -> None:
    found = through_a_one(isa, [INF, -INF], dtype, relu=True)
    assert (found[0] == INF).all()
    assert (found[1] == 0).all()
    assert (through_a_one(isa, [-INF], dtype, relu=False) == -INF).all()


@both
def test_infinity_minus_infinity_is_nan(isa: str, dtype: str) -> None:
    case = Case(1, 1, 1, 2, 3, 1, 1, 0, dtype, dtype, relu=True)  # type: ignore[arg-type]
    inputs = replace(
        tensors(case),
        x=stored(np.array([INF, -INF]).reshape(1, 1, 1, 2), dtype),
        weight=np.ones((3, 2, 1, 1)),
    )
    assert np.isnan(values(run(isa, case, inputs))).all()


def test_what_is_too_large_for_bfloat16_becomes_an_infinity(isa: str) -> None:
    largest = float(from_bfloat16(np.array([0x7F7F], np.uint16))[0])
    # Half way to the next one, which there is not, rounds up.
    beyond = float(np.finfo(np.float32).max)
    case = Case(1, 1, 2, 1, 40, 1, 1, 0, "float32", "bfloat16")
    inputs = replace(
        tensors(case),
        x=np.array([largest, beyond], np.float32).reshape(1, 1, 2, 1),
        weight=np.ones((40, 1, 1, 1)),
        bias=np.zeros(40, np.float32),
    )
    found = values(run(isa, case, inputs))[0, 0]
    assert (found[0] == largest).all()
    assert (found[1] == INF).all()


def test_bfloat16_is_rounded_to_nearest_and_ties_to_even(isa: str) -> None:
    ulp = 2.0**-7
    exact = [1 + ulp / 2, 1 + 3 * ulp / 2, 1 + 0.51 * ulp, 1 + 0.49 * ulp]
    case = Case(1, 1, 4, 1, 35, 1, 1, 0, "float32", "bfloat16")
    inputs = replace(
        tensors(case),
        x=np.array(exact, np.float32).reshape(1, 1, 4, 1),
        weight=np.ones((35, 1, 1, 1)),
        bias=np.zeros(35, np.float32),
    )
    found = values(run(isa, case, inputs))[0, 0]
    assert (found == np.array([1, 1 + 2 * ulp, 1 + ulp, 1])[:, None]).all()


@both
def test_nan_elsewhere_does_not_spread(isa: str, dtype: str) -> None:
    case = Case(2, 6, 6, 4, 3, dtype=dtype, out_dtype=dtype)  # type: ignore[arg-type]
    inputs = tensors(case)
    x = values(inputs.x)
    x[0, 0, 0] = NAN
    found = values(run(isa, case, replace(inputs, x=stored(x, dtype))))
    touched = np.isnan(found).any(axis=3)
    assert touched[0, :2, :2].all()
    assert touched.sum() == 4
