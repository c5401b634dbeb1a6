"""Every fast involution is held to the slow, obvious one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from ppim_port.state_dict import Array
from tests.ops.cases import cases
from tests.support.involutions import FORMS, Case, Form, oracle, run

# Largest difference over the largest output, measured over 864 cases with torch
# 2.13.0 and paddlepaddle 3.3.1: 3.1e-7 and 4.2e-16; a missed or swapped tap is 1e-2.
TOLERANCES = {"float32": 2e-6, "float64": 5e-15}

GRID = [
    Case(k, stride, dilation, groups, 2, batch, height, width, dtype)
    for (k, stride, dilation), (groups, batch, height, width), dtype in (
        itertools.product(
            itertools.product((1, 3, 5, 7), (1, 2), (1, 2)),
            ((1, 1, 1, 1), (2, 3, 7, 5), (3, 2, 8, 8)),
            TOLERANCES,
        )
    )
]


def check(form: Form, case: Case) -> None:
    x, weight = case.arrays()
    expected = oracle(case, x.astype(np.float64), weight.astype(np.float64))
    found = run(form, case, x, weight)
    assert found.dtype == case.dtype
    assert found.shape == expected.shape
    limit = TOLERANCES[case.dtype] * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=limit)


@pytest.mark.parametrize("form", FORMS)
def test_form_equals_the_oracle_over_the_grid(form: Form) -> None:
    for case in GRID:
        check(form, case)


@pytest.mark.parametrize("form", FORMS)
def test_form_equals_the_oracle_on_any_sizes(form: Form) -> None:
    @settings(max_examples=40, deadline=None)
    @given(case=cases)
    def agrees(case: Case) -> None:
        check(form, case)

    agrees()


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_form_equals_the_oracle_on_very_many_sizes(form: Form) -> None:
    @settings(max_examples=1500, deadline=None)
    @given(case=cases)
    def agrees(case: Case) -> None:
        check(form, case)

    agrees()


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_paddles_two_paths_give_the_same_bits(dtype: str) -> None:
    case = Case(7, 2, 1, 3, 4, 2, 9, 10, dtype)
    x, weight = case.arrays()
    assert same_bits(
        run("paddle", case, x, weight), run("paddle grad", case, x, weight)
    )


def same_bits(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("form", FORMS)
def test_pictures_of_a_batch_do_not_touch_each_other(form: Form) -> None:
    case = Case(batch=3)
    x, weight = case.arrays()
    alone = Case(batch=1)
    for n in range(3):
        one = run(form, alone, x[n : n + 1], weight[n : n + 1])
        assert same_bits(run(form, case, x, weight)[n : n + 1], one)


@pytest.mark.parametrize("form", FORMS)
def test_inputs_are_left_as_they_were(form: Form) -> None:
    case = Case()
    x, weight = case.arrays()
    run(form, case, x, weight)
    again = case.arrays()
    assert same_bits(x, again[0])
    assert same_bits(weight, again[1])


def test_shift_takes_arrays_that_are_views() -> None:
    case = Case(5)
    x, weight = case.arrays()
    turned = np.asfortranarray(x), np.asfortranarray(weight)
    out = run("shift", case, *turned)
    assert out.flags.c_contiguous
    assert same_bits(out, run("shift", case, x, weight))


@pytest.mark.parametrize("form", FORMS)
def test_overflow_is_an_infinity_without_a_warning(form: Form) -> None:
    case = Case(dtype="float32")
    x, weight = case.arrays()
    assert np.isinf(run(form, case, x * 1e30, weight * 1e30)).any()
