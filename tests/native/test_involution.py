"""The C++ involution is held to the slow, obvious one, in every instruction set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from tests.support.involutions import Case
from tests.support.native import (
    DType,
    needs_kernels,
    on_every_set,
    same_bits,
    stored,
    values,
)
from tests.support.native_involutions import Job, jobs, oracle, run, tensors

pytestmark = [needs_kernels, on_every_set]
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])


def check(isa: str, job: Job) -> None:
    inputs = tensors(job)
    expected, limit = oracle(job, inputs)
    found = values(run(isa, job, inputs))
    assert found.shape == expected.shape
    assert (abs(found - expected) <= limit).all()


def test_it_equals_the_oracle_on_any_sizes(isa: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(job=jobs)
    def agrees(job: Job) -> None:
        check(isa, job)

    agrees()


@pytest.mark.slow
def test_it_equals_the_oracle_on_very_many_sizes(isa: str) -> None:
    @settings(max_examples=1000, deadline=None)
    @given(job=jobs)
    def agrees(job: Job) -> None:
        check(isa, job)

    agrees()


@every_dtype
@pytest.mark.parametrize("group_channels", [3, 16])
def test_rednets_window_on_every_stride(
    isa: str, dtype: DType, group_channels: int
) -> None:
    for stride in (1, 2):
        case = Case(7, stride, 1, 5, group_channels, 1, 9, 8)
        check(isa, Job(case, dtype, affine=True, relu=True))


def test_kernels_may_be_float32_where_the_input_is_bfloat16(isa: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(job=jobs)
    def agrees(job: Job) -> None:
        check(isa, replace(job, dtype="bfloat16", weight_dtype="float32"))

    agrees()


@every_dtype
@pytest.mark.parametrize(("kernel_size", "stride"), [(7, 1), (7, 2), (3, 1)])
def test_a_position_has_the_same_bits_whatever_is_beside_it(
    isa: str, dtype: DType, kernel_size: int, stride: int
) -> None:
    """Blocks of four, two and one, against another cut of the same row."""
    wide = Case(kernel_size, stride, 1, 3, 16, 1, 9, 11 * stride)
    inputs = tensors(Job(wide, dtype))
    whole = run(isa, Job(wide, dtype), inputs)
    # A row that ends elsewhere; its last positions see less, so they are left out.
    left, seen = 7, 7 - kernel_size // 2
    narrow = replace(wide, width=left * stride)
    part = replace(
        inputs,
        x=np.ascontiguousarray(inputs.x[..., : left * stride]),
        weight=np.ascontiguousarray(inputs.weight[..., :left]),
    )
    found = run(isa, Job(narrow, dtype), part)
    assert same_bits(
        np.ascontiguousarray(found[..., :seen]),
        np.ascontiguousarray(whole[..., :seen]),
    )


@every_dtype
def test_threads_do_not_change_a_bit(isa: str, dtype: DType) -> None:
    job = Job(Case(5, 1, 1, 2, 16, 2, 9, 7), dtype, affine=True)
    inputs = tensors(job)
    expected = run(isa, job, inputs, threads=1)
    for threads in (2, 3, 100):
        assert same_bits(run(isa, job, inputs, threads=threads), expected)


@every_dtype
@pytest.mark.parametrize("group_channels", [3, 16])
def test_a_picture_has_the_same_bits_alone_and_in_a_batch(
    isa: str, dtype: DType, group_channels: int
) -> None:
    job = Job(Case(3, 2, 1, 3, group_channels, 8, 7, 5), dtype)
    inputs = tensors(job)
    together = run(isa, job, inputs)
    for n in range(8):
        one = replace(job, sizes=replace(job.sizes, batch=1))
        assert same_bits(run(isa, one, inputs.at(n))[0], together[n])


@every_dtype
@pytest.mark.parametrize("group_channels", [3, 16])
def test_nan_and_infinities_go_through_the_relu_as_in_the_frameworks(
    isa: str, dtype: DType, group_channels: int
) -> None:
    job = Job(Case(1, 1, 1, 1, group_channels, 1, 1, 4), dtype, relu=True)
    row = np.array([np.nan, np.inf, -np.inf, -1]).reshape(1, 1, 1, 4)
    given = replace(
        tensors(job),
        x=stored(np.repeat(row, group_channels, axis=1), dtype),
        weight=stored(np.ones((1, 1, 1, 1, 4)), dtype),
    )
    expected = np.array([np.nan, np.inf, 0, 0])
    found = values(run(isa, job, given))
    np.testing.assert_array_equal(
        found[0, :, 0], np.tile(expected, (group_channels, 1))
    )


def test_taps_outside_of_the_input_are_left_out(isa: str) -> None:
    """An infinite weight out there is no NaN: nothing is multiplied."""
    job = Job(Case(3, 1, 1, 1, 16, 1, 1, 1))
    weight = np.full((1, 1, 9, 1, 1), np.inf)
    weight[0, 0, 4] = 2
    given = replace(tensors(job), weight=stored(weight, "float32"))
    np.testing.assert_array_equal(run(isa, job, given), 2 * given.x)
