"""Arrays for the kernels begin where a line of the cache does."""

from __future__ import annotations

import numpy as np
import pytest

from ppim_port.inference.memory import Memory
from ppim_port.native.alignment import LINE, aligned, block, within
from ppim_port.native.packing import pack
from tests.support.native import ISAS, named, needs_kernels


def offset(array: np.ndarray) -> int:
    return int(array.ctypes.data) % LINE


@pytest.mark.parametrize("size", [1, 63, 64, 1000])
def test_a_block_has_room_for_an_aligned_array_wherever_it_is(size: int) -> None:
    for _ in range(8):
        memory = block(4 * size)
        found = within(memory, (size,), np.float32)
        assert offset(found) == 0
        assert found.shape == (size,)
        assert found.base is memory


def test_a_copy_is_aligned_dense_and_equal() -> None:
    turned = np.arange(21.0).reshape(3, 7).T
    copy = aligned(turned)
    assert (offset(copy), copy.flags.c_contiguous) == (0, True)
    np.testing.assert_array_equal(copy, turned)
    copy[0, 0] = -1
    assert turned[0, 0] == 0


def test_memory_of_nets_is_aligned() -> None:
    memory = Memory()
    arrays = [memory.empty((n, 5), np.dtype(np.float32)) for n in range(1, 9)]
    assert [offset(array) for array in arrays] == [0] * 8


@needs_kernels
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_packed_weights_are_aligned(dtype) -> None:
    for _ in range(4):
        packed = pack(named(ISAS[-1]), np.ones((5, 4, 3, 3)), np.ones(5), dtype=dtype)
        assert offset(packed.weight) == offset(packed.bias) == 0
