"""The C++ convolution is held to numpy in float64, in every instruction set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from tests.support.convolutions import Case, cases, oracle, run, tensors
from tests.support.native import named, needs_kernels, on_every_set, same_bits, values

pytestmark = [needs_kernels, on_every_set]


def check(isa: str, case: Case) -> None:
    inputs = tensors(case)
    expected, limit = oracle(case, inputs)
    found = values(run(isa, case, inputs))
    assert found.shape == expected.shape
    assert (abs(found - expected) <= limit).all()


def test_it_equals_the_oracle_on_any_sizes(isa: str) -> None:
    @settings(max_examples=80, deadline=None)
    @given(case=cases)
    def agrees(case: Case) -> None:
        check(isa, case)

    agrees()


@pytest.mark.slow
def test_it_equals_the_oracle_on_very_many_sizes(isa: str) -> None:
    @settings(max_examples=2000, deadline=None)
    @given(case=cases)
    def agrees(case: Case) -> None:
        check(isa, case)

    agrees()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_out_channels_around_a_panel_and_rows_around_a_tile(
    isa: str, dtype: str
) -> None:
    panel = named(isa).panel
    for out_channels in (1, panel - 1, panel, panel + 1, 2 * panel + 3):
        for width in (1, 3, 6, 7, 14, 15):
            check(
                isa,
                Case(1, 1, width, 2, out_channels, 1, 1, 0, dtype, dtype),  # type: ignore[arg-type]
            )


# 3072 positions: several blocks, so that there is something to share.
LARGE = Case(3, 32, 32, 6, 9, residual=True, relu=True)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_threads_do_not_change_a_bit(isa: str, dtype: str) -> None:
    case = replace(LARGE, dtype=dtype, out_dtype=dtype)
    inputs = tensors(case)
    expected = run(isa, case, inputs)
    for threads in (2, 3, 100):
        assert same_bits(run(isa, case, inputs, threads=threads), expected)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("side", [1, 5, 13])
def test_a_picture_has_the_same_bits_alone_and_in_a_batch(
    isa: str, dtype: str, side: int
) -> None:
    case = Case(8, side, side, 6, 37, dtype=dtype, out_dtype=dtype)  # type: ignore[arg-type]
    inputs = tensors(case)
    together = run(isa, case, inputs)
    for n in range(case.batch):
        alone = replace(inputs, x=inputs.x[n : n + 1])
        assert same_bits(run(isa, replace(case, batch=1), alone)[0], together[n])


def test_no_negative_threads_are_started(isa: str) -> None:
    case = Case()
    inputs = tensors(case)
    for threads in (0, -3):
        assert same_bits(
            run(isa, case, inputs, threads=threads), run(isa, case, inputs)
        )


def test_an_empty_batch_has_an_empty_answer(isa: str) -> None:
    case = Case(batch=0, threads=3)
    assert run(isa, case, tensors(case)).shape == (0, 5, 6, 5)


def test_the_residual_counts_before_the_relu(isa: str) -> None:
    case = Case(1, 1, 2, 2, 1, 1, 1, 0, relu=True, residual=True)
    inputs = replace(
        tensors(case),
        x=np.zeros((1, 1, 2, 2), np.float32),
        bias=np.array([-1], np.float32),
        residual=np.array([0.5, 3], np.float32).reshape(1, 1, 2, 1),
    )
    assert run(isa, case, inputs).ravel().tolist() == [0, 2]
