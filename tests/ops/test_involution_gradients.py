"""Both frameworks differentiate the involution, and agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppim_port.state_dict import Array
from tests.support.frameworks import (
    involution_paddle,
    involution_torch,
    paddle,
    torch,
)
from tests.support.involutions import Case

# Of the largest gradient: room for sums in another order; the bits were equal where
# measured (torch 2.13.0, paddlepaddle 3.3.1).
FLOAT64 = 1e-14

CASES = [
    Case(3, 1, 1, 2, 2, 2, 4, 3),
    Case(3, 2, 1, 1, 3, 1, 5, 4),
    Case(3, 2, 2, 2, 1, 1, 4, 5),
    Case(5, 1, 1, 1, 2, 1, 3, 3),
]


def sizes(case: Case) -> Any:
    return {
        "kernel_size": case.kernel_size,
        "stride": case.stride,
        "dilation": case.dilation,
    }


@pytest.mark.parametrize("case", CASES, ids=str)
def test_torch_gradient_is_that_of_finite_differences(case: Case) -> None:
    tensors = [torch.from_numpy(a).requires_grad_() for a in case.arrays()]

    def op(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return involution_torch.involution(x, weight, **sizes(case))

    assert torch.autograd.gradcheck(op, tensors)


def upstream(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(5).standard_normal(shape)


def torch_gradients(case: Case) -> list[Array]:
    tensors = [torch.from_numpy(a).requires_grad_() for a in case.arrays()]
    out = involution_torch.involution(*tensors, **sizes(case))
    weights = torch.from_numpy(upstream(tuple(out.shape)))
    return [grad.numpy() for grad in torch.autograd.grad(out, tensors, weights)]


def paddle_gradients(case: Case) -> list[Array]:
    tensors: list[Any] = [
        paddle.to_tensor(a, stop_gradient=False) for a in case.arrays()
    ]
    out = involution_paddle.involution(*tensors, **sizes(case))
    out.backward(paddle.to_tensor(upstream(tuple(out.shape))))
    return [tensor.grad.numpy() for tensor in tensors]


@pytest.mark.parametrize("case", [*CASES, Case(7, 2, 1, 2, 4, 2, 9, 6)], ids=str)
def test_paddle_gradient_is_torchs(case: Case) -> None:
    ours, theirs = paddle_gradients(case), torch_gradients(case)
    assert len(ours) == len(theirs) == 2
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=FLOAT64 * np.abs(b).max())


@pytest.mark.parametrize("which", ["x", "weight"])
def test_paddle_differentiates_one_argument_alone(which: str) -> None:
    case = Case()
    x, weight = case.arrays()
    a: Any = paddle.to_tensor(x, stop_gradient=which != "x")
    b: Any = paddle.to_tensor(weight, stop_gradient=which != "weight")
    involution_paddle.involution(a, b, **sizes(case)).sum().backward()
    grads = {"x": a.grad, "weight": b.grad}
    assert grads.pop(which).abs().sum() > 0
    assert list(grads.values()) == [None]


def test_paddle_without_gradients_takes_numpys_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError

    monkeypatch.setattr(involution_paddle, "involution_by_shifts", refuse)
    case = Case()
    x, weight = (paddle.to_tensor(a, stop_gradient=False) for a in case.arrays())
    with paddle.no_grad():
        involution_paddle.involution(x, weight, **sizes(case))
    with pytest.raises(AssertionError):
        involution_paddle.involution(x, weight, **sizes(case))
