"""Paddle tensors reach the kernels through DLPack; here in Triton's interpreter.

Run by `test_interpreted.py` in a process of their own.
"""

# ruff: noqa: I001  # Paddle warns while it is imported: our backend first.
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.support.frameworks import paddle
from ppim_port.ops import involution_paddle_gpu
from ppim_port.ops.involution_paddle_gpu import to_paddle, to_torch
from tests.support.gpu_forms import difference, gradients
from tests.support.involutions import Case

FLOAT64 = 5e-15
CASE = Case(3, 2, 1, 2, 2, 1, 5, 4)


def test_output_and_gradients_are_the_plain_forms() -> None:
    arrays = CASE.arrays()
    x, weight = (paddle.to_tensor(a, stop_gradient=False) for a in arrays)
    out = involution_paddle_gpu.involution(x, weight, kernel_size=3, stride=2)
    upstream = np.random.default_rng(5).standard_normal(out.shape)
    out.backward(paddle.to_tensor(upstream))
    expected = gradients(*(torch.from_numpy(a) for a in (*arrays, upstream)), CASE)
    found: list[Any] = [out, x.grad, weight.grad]
    for ours, right in zip(found, expected, strict=True):
        assert difference(torch.from_numpy(ours.numpy()), right) < FLOAT64


@pytest.mark.parametrize("which", ["x", "weight"])
def test_one_argument_alone_is_differentiated(which: str) -> None:
    arrays = CASE.arrays()
    x: Any = paddle.to_tensor(arrays[0], stop_gradient=which != "x")
    weight: Any = paddle.to_tensor(arrays[1], stop_gradient=which != "weight")
    involution_paddle_gpu.involution(
        x, weight, kernel_size=3, stride=2
    ).sum().backward()
    grads = {"x": x.grad, "weight": weight.grad}
    assert grads.pop(which).abs().sum() > 0
    assert list(grads.values()) == [None]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_crossing_over_and_back_copies_nothing(dtype: str) -> None:
    tensor = paddle.ones([2, 3], dtype=dtype)
    there = to_torch(tensor)
    assert there.data_ptr() == tensor.data_ptr()
    assert to_paddle(there).data_ptr() == tensor.data_ptr()


def test_a_result_that_is_not_contiguous_arrives_contiguous() -> None:
    tensor = torch.arange(6.0).reshape(2, 3).T
    found = to_paddle(tensor)
    assert found.is_contiguous()
    assert found.tolist() == tensor.tolist()
