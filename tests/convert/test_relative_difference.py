"""The measure of two nets' difference: relative, and never satisfied by a NaN."""

from __future__ import annotations

import numpy as np
import pytest

from convert.proof import relative_difference
from ppim_port.state_dict import Array


def rows(*values: list[float]) -> Array:
    return np.array(values, np.float64)


@pytest.mark.parametrize(
    ("reference", "other", "expected"),
    [
        (rows([1, -2]), rows([1, -2]), 0.0),
        (rows([1, -2]), rows([1, -1]), 0.5),
        (rows([1, -2]), rows([-3, -2]), 2.0),
        # A row of small logits is not hidden by a row of large ones.
        (rows([1000, 0], [0.001, 0]), rows([1000, 0], [0.002, 0]), 1.0),
    ],
)
def test_the_difference_is_relative_to_the_largest_logit_of_the_row(
    reference: Array, other: Array, expected: float
) -> None:
    assert relative_difference(reference, other) == pytest.approx(expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_comparison_with_a_difference_that_is_not_finite_succeeds(
    bad: float,
) -> None:
    good, worse = rows([1, 2], [3, 4]), rows([1, 2], [3, bad])
    pairs = [(good, worse), (worse, good), (worse, worse)]
    assert all(np.isnan(relative_difference(*pair)) for pair in pairs)


def test_logits_that_are_all_zero_prove_nothing() -> None:
    zeros = rows([1, 2], [0, 0])
    assert not relative_difference(zeros, zeros) <= 1e9
