"""The kernels in Triton's interpreter: forward, both gradients, formats and dtypes.

Run by `test_interpreted.py` in a process of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from ppim_port.errors import UsageError
from ppim_port.ops import involution_triton
from ppim_port.ops.triton import launch, tuning
from ppim_port.ops.triton.sizes import channel_pairs, sizes_of, whole_words
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


def close(found: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> bool:
    """The output to rounding, since words go through the taps row by row; the
    gradients to the bit."""
    same = all(map(torch.equal, found[1:], expected[1:]))
    return same and difference(found[0], expected[0]) < TOLERANCES[torch.float32]


def test_channels_last_is_taken_and_kept() -> None:
    case = CASES[2]
    x, weight, upstream = tensors(case, torch.float32)
    expected = results(x, weight, upstream, case)
    last, weight = x.to(memory_format=torch.channels_last), channels_last(weight)
    found = results(last, weight, upstream, case)
    assert close(found, expected)
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
    assert close(found, expected)
    assert all(
        map(
            torch.equal,
            results(x, weight, ones, case),
            results(x, weight, ones.contiguous(), case),
        )
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("columns", [2, 4])
@pytest.mark.parametrize("stride", [1, 2])
def test_words_are_right(
    dtype: torch.dtype, columns: int, stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A width of an odd number of words, and a group that fills no block."""
    case = Case(7, stride, 1, 2, 3, 2, 5, 3 * columns * stride)
    x, weight, upstream = tensors(case, dtype)
    sizes_of_case = sizes_of(x.shape, weight.shape, **sizes(case))
    assert whole_words(columns, sizes_of_case, x, weight)
    assert not whole_words(2 * columns, sizes_of_case, x, weight)
    monkeypatch.setattr(launch, "involution_forward", "is not what is tested")
    found = involution_triton.involution(x, weight, **sizes(case))
    expected = gradients(x, weight, upstream, case)[0]
    assert difference(found, expected) < TOLERANCES[dtype]


@pytest.mark.parametrize("stride", [1, 2])
def test_channels_of_bfloat16_are_taken_in_pairs(stride: int) -> None:
    case = Case(5, stride, 1, 3, 4, 2, 7, 6)
    x, weight, upstream = tensors(case, torch.bfloat16)
    last = x.to(memory_format=torch.channels_last)
    known = sizes_of(x.shape, weight.shape, **sizes(case))
    assert channel_pairs(known, last)
    assert not channel_pairs(known, x)
    assert not channel_pairs(known, last.float())
    found = involution_triton.involution(last, channels_last(weight), **sizes(case))
    expected = gradients(x, weight, upstream, case)[0]
    assert difference(found, expected) < TOLERANCES[torch.bfloat16]


def test_words_that_are_not_aligned_are_not_used() -> None:
    case = Case(3, 1, 1, 1, 2, 1, 4, 4)
    x, weight, _ = tensors(case, torch.bfloat16)
    moved = torch.cat([x.new_zeros(1), x.flatten()])[1:].view(x.shape)
    known = sizes_of(x.shape, weight.shape, **sizes(case))
    assert whole_words(4, known, x, weight)
    assert not whole_words(4, known, moved, weight)
    apart = involution_triton.involution(moved, weight, **sizes(case))
    usual = involution_triton.involution(x, weight, **sizes(case))
    assert difference(apart, usual.double()) < TOLERANCES[torch.bfloat16]


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


@pytest.mark.parametrize(
    ("limit", "text"),
    [("LARGEST_GRID", "groups"), ("LARGEST_BATCH", "Split the batch")],
)
def test_more_than_a_launch_holds_is_refused(
    limit: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[0]
    x, weight, _ = tensors(case, torch.float32)
    monkeypatch.setattr(launch, limit, 1)
    with pytest.raises(UsageError, match=text):
        involution_triton.involution(x, weight, **sizes(case))


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
