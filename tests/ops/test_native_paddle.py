"""The C++ involution as a Paddle layer: values, gradients, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppim_port.errors import UsageError
from ppim_port.state_dict import Array
from tests.support.frameworks import involution_paddle, native_paddle, paddle
from tests.support.involutions import Case
from tests.support.native import needs_kernels
from tests.support.native_involutions import Job, autograd

pytestmark = needs_kernels

CASES = [
    Case(3, 1, 1, 2, 3, 2, 4, 3),
    Case(3, 2, 2, 2, 16, 1, 5, 4),
    Case(7, 2, 1, 1, 16, 2, 4, 5),
]
# Largest difference over the largest gradient, as for the values (see
# test_involution_forms.py).
TOLERANCES = {"float32": 2e-6, "float64": 5e-15}


def window(case: Case) -> dict[str, int]:
    return {
        "kernel_size": case.kernel_size,
        "stride": case.stride,
        "dilation": case.dilation,
    }


def differentiated(case: Case, dtype: str) -> tuple[list[Array], list[Array]]:
    """Paddle's gradients through C++, and PyTorch's through shifts in float64."""
    x, weight = (array.astype(dtype) for array in case.arrays())
    pair: list[Any] = [paddle.to_tensor(a, stop_gradient=False) for a in (x, weight)]
    out = native_paddle.involution(*pair, **window(case))
    upstream = np.random.default_rng(1).standard_normal(out.shape).astype(dtype)
    out.backward(paddle.to_tensor(upstream))
    exact = [a.astype(np.float64) for a in (x, weight, upstream)]
    return [t.grad.numpy() for t in pair], autograd(Job(case), *exact)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_gradients_are_those_of_pytorch(case: Case, dtype: str) -> None:
    for found, expected in zip(*differentiated(case, dtype), strict=True):
        limit = TOLERANCES[dtype] * abs(expected).max()
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=limit)


@pytest.mark.parametrize("which", [0, 1])
def test_one_argument_alone_is_differentiated(which: int) -> None:
    case = Case(dtype="float32")
    pair: list[Any] = [
        paddle.to_tensor(a, stop_gradient=at != which)
        for at, a in enumerate(case.arrays())
    ]
    involution_paddle.involution(*pair, **window(case)).sum().backward()
    assert pair[which].grad.abs().sum() > 0
    assert pair[1 - which].grad is None


def test_paddles_dispatch_takes_it_in_float32_alone() -> None:
    for dtype, expected in (("float32", "native"), ("float64", "numpy")):
        tensor = paddle.zeros([1], dtype=dtype)
        assert involution_paddle.form(tensor, tensor) == expected


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_dtypes_that_numpy_does_not_share_are_refused(dtype: str) -> None:
    x = paddle.zeros([1, 2, 3, 3], dtype=dtype)
    weight = paddle.zeros([1, 1, 9, 3, 3], dtype=dtype)
    with pytest.raises(UsageError, match="expected float32"):
        native_paddle.involution(x, weight, kernel_size=3)
