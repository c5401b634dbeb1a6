"""The kernels in Triton's interpreter: forward, both gradients, formats and dtypes.

Run by `test_interpreted.py` in a process of their own.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from ppim_port.ops import involution_triton
from ppim_port.ops.triton import tuning
from tests.support.gpu_forms import difference, gradients
from tests.support.involutions import Case, oracle

# Of the largest value, over 60 cases with Triton 3.7.1's interpreter: 7e-16 in
# float64; a missed or a swapped tap is above 1e-2. The interpreter cuts bfloat16 off
# where a GPU rounds, hence a whole unit of its last place.
TOLERANCES = {
    torch.float64: 5e-15,
    torch.float32: 2e-6,
    torch.float16: 2**-10,
    torch.bfloat16: 2**-7,
}

CASES = [
    Case(1, 1, 1, 2, 3, 2, 4, 5),
    Case(3, 1, 1, 2, 3, 2, 5, 4),
    Case(3, 2, 1, 2, 2, 1, 6, 5),
    Case(3, 1, 2, 1, 4, 1, 5, 4),
    Case(5, 2, 2, 1, 5, 1, 7, 6),
    Case(7, 1, 1, 1, 2, 1, 5, 6),
    Case(3, 3, 1, 1, 2, 1, 7, 8),
    Case(3, 2, 3, 1, 2, 1, 5, 6),
    Case(1, 2, 1, 1, 1, 1, 1, 1),
    # Wider than one block of channels, and not a whole number of blocks.
    Case(3, 1, 1, 1, 20, 1, 3, 4),
    Case(3, 2, 1, 1, 33, 1, 4, 3),
]


def sizes(case: Case) -> Any:
    return {
        "kernel_size": case.kernel_size,
        "stride": case.stride,
        "dilation": case.dilation,
    }


def tensors(case: Case, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    x, weight = (torch.from_numpy(a).to(dtype) for a in case.arrays())
    upstream = np.random.default_rng(5).standard_normal(
        (*x.shape[:2], *weight.shape[3:])
    )
    return x, weight, torch.from_numpy(upstream).to(dtype)


def results(
    x: torch.Tensor, weight: torch.Tensor, upstream: torch.Tensor, case: Case
) -> tuple[torch.Tensor, ...]:
    x, weight = (a.detach().requires_grad_() for a in (x, weight))
    out = involution_triton.involution(x, weight, **sizes(case))
    return (out.detach(), *torch.autograd.grad(out, (x, weight), upstream))


def check(case: Case, dtype: torch.dtype) -> None:
    inputs = tensors(case, dtype)
    expected = gradients(*inputs, case)
    for found, right in zip(results(*inputs, case), expected, strict=True):
        assert found.dtype == dtype
        assert difference(found, right) < TOLERANCES[dtype]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_output_and_gradients_are_the_plain_forms(case: Case) -> None:
    check(case, torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_every_dtype_is_right_to_its_own_rounding(dtype: torch.dtype) -> None:
    check(CASES[3], dtype)


@pytest.mark.slow
@pytest.mark.parametrize("tile", [(1, 16), (2, 64), (5, 8)])
def test_many_more_cases_are_right(
    tile: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "INTERPRETED", tile)
    kinds = itertools.product((1, 3, 5, 7), (1, 2, 3), (1, 2, 3))
    places = itertools.cycle([(2, 1, 2, 5, 6), (1, 3, 1, 8, 3), (2, 2, 1, 1, 1)])
    for kind, place in zip(kinds, places, strict=False):
        check(Case(*kind, *place), torch.float64)


def test_output_is_the_oracles() -> None:
    case = Case(5, 2, 1, 2, 2, 1, 6, 5)
    x, weight = case.arrays()
    found = involution_triton.involution(
        torch.from_numpy(x), torch.from_numpy(weight), **sizes(case)
    )
    expected = torch.from_numpy(oracle(case, x, weight))
    assert difference(found, expected) < TOLERANCES[torch.float64]


@pytest.mark.parametrize(("case", "tile"), [(CASES[2], (3, 8)), (CASES[3], (1, 16))])
def test_the_tile_does_not_change_a_bit(
    case: Case, tile: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = tensors(case, torch.float32)
    usual = results(*inputs, case)
    monkeypatch.setattr(tuning, "INTERPRETED", tile)
    for found, expected in zip(results(*inputs, case), usual, strict=True):
        assert torch.equal(found, expected)


def channels_last(weight: torch.Tensor) -> torch.Tensor:
    """The kernels as a channels-last convolution leaves them."""
    flat = weight.flatten(1, 2).contiguous(memory_format=torch.channels_last)
    return flat.unflatten(1, weight.shape[1:3])


def test_channels_last_is_taken_kept_and_gives_the_same_bits() -> None:
    case = CASES[2]
    x, weight, upstream = tensors(case, torch.float32)
    expected = results(x, weight, upstream, case)
    last, weight = x.to(memory_format=torch.channels_last), channels_last(weight)
    found = results(last, weight, upstream, case)
    for ours, right in zip(found, expected, strict=True):
        assert torch.equal(ours, right)
    for ours in found[:2]:
        assert ours.is_contiguous(memory_format=torch.channels_last)
    assert found[2].stride() == weight.stride()


def test_any_strides_are_taken() -> None:
    case = CASES[3]
    x, weight, upstream = tensors(case, torch.float32)
    expected = results(x, weight, upstream, case)
    wide = torch.zeros(*x.shape[:3], 2 * x.shape[3])
    wide[..., ::2] = x
    ones = torch.ones(()).expand(upstream.shape)
    found = results(wide[..., ::2], weight, upstream, case)
    assert all(map(torch.equal, found, expected))
    assert all(
        map(
            torch.equal,
            results(x, weight, ones, case),
            results(x, weight, ones.contiguous(), case),
        )
    )


@pytest.mark.parametrize("which", [0, 1])
def test_one_gradient_alone_is_the_same(which: int) -> None:
    case = CASES[3]
    x, weight, upstream = tensors(case, torch.float64)
    both = results(x, weight, upstream, case)
    pair = [x, weight]
    pair[which].requires_grad_()
    out = involution_triton.involution(x, weight, **sizes(case))
    assert torch.equal(
        torch.autograd.grad(out, pair[which], upstream)[0], both[1:][which]
    )


def test_an_empty_batch_has_an_empty_result() -> None:
    x, weight = torch.zeros(0, 4, 5, 5), torch.zeros(0, 2, 9, 5, 5)
    out = involution_triton.involution(x, weight, kernel_size=3)
    assert out.shape == x.shape


@pytest.mark.slow
def test_pytorch_can_trace_and_compile_around_the_op() -> None:
    x, weight, _ = tensors(Case(3, 1, 1, 1, 2, 1, 3, 3), torch.float32)
    inputs = (x.requires_grad_(), weight.requires_grad_(), 3, 1, 1)
    report = torch.library.opcheck(
        torch.ops.ppim_port.involution_triton.default, inputs
    )
    assert set(report.values()) == {"SUCCESS"}
