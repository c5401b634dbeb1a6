"""What does not fit is refused before a kernel could read out of bounds."""

from __future__ import annotations

import pytest
import torch

from ppim_port.errors import InputError, UsageError
from ppim_port.ops.involution_triton import involution
from ppim_port.ops.triton import launch
from ppim_port.ops.triton.sizes import check_tensors, sizes_of

X, WEIGHT = torch.Size((2, 6, 5, 7)), torch.Size((2, 3, 9, 5, 7))
PLAIN = {"kernel_size": 3, "stride": 1, "dilation": 1}


def test_sizes_are_those_of_the_shapes() -> None:
    halved = torch.Size((2, 3, 9, 3, 4))
    found = sizes_of(X, halved, kernel_size=3, stride=2, dilation=4)
    assert (found.batch, found.channels, found.height, found.width) == tuple(X)
    assert (found.groups, found.out_height, found.out_width) == (3, 3, 4)
    assert found.group_channels == 2


@pytest.mark.parametrize(
    "change", [{"kernel_size": 4}, {"kernel_size": -1}, {"stride": 0}, {"dilation": 0}]
)
def test_sizes_that_no_involution_has_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="Expected an odd kernel size"):
        sizes_of(X, WEIGHT, **{**PLAIN, **change})


@pytest.mark.parametrize(
    ("x", "weight", "text"),
    [
        (X, (2, 3, 9, 5, 6), r"weight of \[2, 'G', 9, 5, 7\]"),
        (X, (1, 3, 9, 5, 7), r"weight of \[2, 'G', 9, 5, 7\]"),
        (X, (2, 3, 25, 5, 7), r"weight of \[2, 'G', 9, 5, 7\]"),
        (X, (2, 4, 9, 5, 7), "G to divide the 6 channels"),
        (X, (2, 27, 5, 7), r"\[N, C, H, W\] and \[N, G, K\*K, H', W'\]"),
        (X[1:], WEIGHT, r"x \[6, 5, 7\]"),
    ],
)
def test_shapes_that_do_not_fit_are_named(
    x: torch.Size, weight: tuple[int, ...], text: str
) -> None:
    with pytest.raises(InputError, match=text):
        sizes_of(x, torch.Size(weight), **PLAIN)


def test_integers_are_refused() -> None:
    with pytest.raises(InputError, match=r"torch.int64. Expected one of torch.float32"):
        check_tensors(torch.zeros(X), torch.zeros(X, dtype=torch.int64))


def test_two_devices_are_refused() -> None:
    with pytest.raises(InputError, match="several devices: cpu, meta"):
        check_tensors(torch.zeros(X), torch.zeros(X, device="meta"))


def test_a_picture_beyond_32_bits_is_refused_and_a_batch_is_not() -> None:
    row = torch.zeros(1)
    check_tensors(row.expand(2**33, 1))
    check_tensors(torch.empty((3, 2**31), device="meta"))
    with pytest.raises(InputError, match="more than 2147483647 elements"):
        check_tensors(torch.empty((3, 2**31 + 1), device="meta"))


def test_the_cpu_is_refused_without_the_interpreter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(UsageError, match="Triton's kernels need a GPU"):
        involution(torch.zeros(X), torch.zeros(WEIGHT), kernel_size=3)


def test_an_output_has_its_inputs_memory_format() -> None:
    sizes = sizes_of(X, WEIGHT, **PLAIN)
    x = torch.zeros(X)
    last = x.to(memory_format=torch.channels_last)
    assert launch.like(x, sizes).stride() == x.stride()
    assert launch.like(last, sizes).stride() == last.stride()
