"""The forms that the GPU benchmark compares compute the same, here interpreted.

Run by `test_interpreted.py` in a process of their own.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from benchmarks import gpu, gpu_forms, gpu_naive, gpu_traffic
from benchmarks.gpu_fused import steps
from benchmarks.gpu_traffic import Shape
from tests.support.gpu_forms import difference, gradients
from tests.support.involutions import Case

# Of the largest value: measured 1.4e-7 (Triton 3.7.1); another tap is above 1e-2.
FLOAT32 = 5e-6


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_naive, "BLOCK", 64)


@pytest.mark.parametrize("form", [gpu_forms.naive, gpu_forms.unfold, gpu_forms.shift])
@pytest.mark.parametrize("stride", [1, 2])
def test_compared_forms_are_involutions(form: Any, stride: int) -> None:
    case = Case(3, stride, 1, 2, 3, 2, 6, 6)
    x, weight = (torch.from_numpy(a).float() for a in case.arrays())
    upstream = torch.randn(*x.shape[:2], *weight.shape[3:])
    expected = gradients(x, weight, upstream, case)
    x, weight = x.requires_grad_(), weight.requires_grad_()
    out = form(x, weight, 3, stride)
    found = (out, *torch.autograd.grad(out, (x, weight), upstream))
    for ours, right in zip(found, expected, strict=True):
        assert difference(ours.detach(), right) < FLOAT32


@pytest.mark.parametrize("kept", [torch.contiguous_format, torch.channels_last])
def test_fused_and_unfused_steps_agree(kept: torch.memory_format) -> None:
    torch.manual_seed(0)
    shape = Shape("small", 32, 4, kernel_size=3)
    x = torch.randn(1, 32, 4, 4).contiguous(memory_format=kept)
    weight = torch.randn(1, 18, 4, 4).contiguous(memory_format=kept)
    inputs = (x, weight.unflatten(1, (2, 9)), x)
    apart, fused, made, generated = (work() for _, _, work in steps(shape, 1, inputs))
    assert difference(fused, apart.double()) < FLOAT32
    assert difference(generated, made.double()) < FLOAT32


def test_table_has_a_row_for_each_form_and_its_share_of_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def one_millisecond(work: Any) -> float:
        assert work() is not None
        return 1.0

    shape = Shape("small", 16, 4, kernel_size=3)
    monkeypatch.setattr(gpu, "DEVICE", "cpu")
    monkeypatch.setattr(gpu, "REDNET26", (shape,))
    monkeypatch.setattr(gpu, "_milliseconds", one_millisecond)
    # Compiling takes long, and is PyTorch's to test.
    monkeypatch.setattr(gpu_forms, "compiled_shift", lambda: gpu_forms.shift)
    monkeypatch.setitem(gpu_forms.FORMS, "compiled shifts", gpu_forms.compiled_shift)
    bandwidth = 8e3 * gpu_traffic.forward(shape, 2)
    rows = list(gpu._rows(2, "float32", "channels_last", bandwidth))
    assert [row[1] for row in rows[:4]] == list(gpu_forms.FORMS)
    assert len(rows) == 8
    assert all(row[2:4] == ["1.000", "50%"] for row in rows[:4])
    assert rows[5][1:4] == ["norm, ReLU fused", "1.000", "50%"]


def test_a_form_that_is_wrong_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "DEVICE", "cpu")
    shape = Shape("small", 32, 4, kernel_size=3)

    def doubled(*arguments: Any) -> torch.Tensor:
        return 2 * gpu_forms.shift(*arguments)

    inputs = gpu._inputs(shape, 2, "float32", "channels_first")
    found = gpu._measured(doubled, shape, inputs, 1e-5)
    assert str(found).startswith("wrong by 1.")
