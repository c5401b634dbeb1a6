"""bfloat16 is rounded to nearest, ties to even, and comes back exactly."""

from __future__ import annotations

import numpy as np
import pytest

from ppim_port.native.packing import from_bfloat16, pack, to_bfloat16
from tests.support.frameworks import torch
from tests.support.native import named, needs_kernels, on_every_set


def test_bfloat16_is_what_pytorch_makes_of_any_bits() -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 100_000, np.uint32)
    ties = (np.arange(2**16, dtype=np.uint32) << 16) | 0x8000
    numbers = np.concatenate([bits, ties, ties - 1, ties + 1]).view(np.float32)
    expected = torch.from_numpy(numbers.copy()).bfloat16()
    found = to_bfloat16(numbers)
    theirs = expected.view(torch.int16).numpy().view(np.uint16)
    real = ~np.isnan(numbers)
    np.testing.assert_array_equal(found[real], theirs[real])
    np.testing.assert_array_equal(np.isnan(from_bfloat16(found)), np.isnan(numbers))


def test_every_bfloat16_comes_back() -> None:
    every = np.arange(2**16, dtype=np.uint16)
    numbers = from_bfloat16(every)
    quiet = np.where(np.isnan(numbers), every | 0x40, every)
    np.testing.assert_array_equal(to_bfloat16(numbers), quiet)


@needs_kernels
@on_every_set
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_packed_weights_are_their_own(isa: str, dtype: str) -> None:
    weight = np.ones((3, 2, 1, 1), np.float32)
    bias = np.ones(3, np.float32)
    layer = pack(named(isa), weight, bias, dtype=dtype)  # type: ignore[arg-type]
    before = layer.weight.copy(), layer.bias.copy()
    weight[:], bias[:] = 5, 5
    np.testing.assert_array_equal(layer.weight, before[0])
    np.testing.assert_array_equal(layer.bias, before[1])
