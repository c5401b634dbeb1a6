"""The C++ gradients are held to PyTorch's autograd of the shifted form in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.involutions import Case
from tests.support.native import (
    DType,
    needs_kernels,
    on_every_set,
    same_bits,
    stored,
    values,
)
from tests.support.native_involutions import (
    Job,
    autograd,
    bound,
    gradients,
    sizes,
    tensors,
)

pytestmark = [needs_kernels, on_every_set]

jobs = st.builds(
    Job,
    sizes=sizes.filter(lambda case: case.batch > 0),
    dtype=st.sampled_from(("float32", "float64", "bfloat16")),
    threads=st.integers(1, 3),
)


def upstream(job: Job) -> np.ndarray:
    case = job.sizes
    sides = (-(-side // case.stride) for side in (case.height, case.width))
    shape = (case.batch, case.groups * case.group_channels, *sides)
    return stored(np.random.default_rng(9).standard_normal(shape), job.dtype)


def check(isa: str, job: Job) -> None:
    inputs, incoming = tensors(job), upstream(job)
    exact = [values(a) for a in (inputs.x, inputs.weight, incoming)]
    expected = autograd(job, *exact)
    totals = autograd(job, *map(abs, exact))
    steps = (job.sizes.kernel_size**2, job.sizes.group_channels)
    found = gradients(isa, job, inputs, incoming)
    for a, b, total, count in zip(found, expected, totals, steps, strict=True):
        assert (abs(values(a) - b) <= bound(job, b, total, count)).all()


def test_they_equal_autograds_on_any_sizes(isa: str) -> None:
    @settings(max_examples=50, deadline=None)
    @given(job=jobs)
    def agrees(job: Job) -> None:
        check(isa, job)

    agrees()


@pytest.mark.slow
def test_they_equal_autograds_on_very_many_sizes(isa: str) -> None:
    @settings(max_examples=1000, deadline=None)
    @given(job=jobs)
    def agrees(job: Job) -> None:
        check(isa, job)

    agrees()


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_threads_and_batch_do_not_change_a_bit(isa: str, dtype: DType) -> None:
    job = Job(Case(3, 2, 1, 2, 17, 3, 6, 5), dtype)
    inputs, incoming = tensors(job), upstream(job)
    expected = gradients(isa, job, inputs, incoming)
    several = gradients(isa, replace(job, threads=4), inputs, incoming)
    assert all(map(same_bits, several, expected))
    for n in range(3):
        alone = gradients(isa, job, inputs.at(n), incoming[n : n + 1])
        assert same_bits(alone[0][0], expected[0][n])
        assert same_bits(alone[1][0], expected[1][n])


def test_taps_outside_of_the_input_have_no_gradient(isa: str) -> None:
    job = Job(Case(3, 1, 1, 1, 16, 1, 1, 1))
    _, weight = gradients(isa, job, tensors(job), upstream(job))
    assert np.flatnonzero(weight).tolist() == [4]


def test_an_empty_batch_has_empty_gradients(isa: str) -> None:
    job = Job(Case(batch=0), threads=2)
    x, weight = gradients(isa, job, tensors(job), upstream(job))
    assert x.shape[0] == weight.shape[0] == 0
