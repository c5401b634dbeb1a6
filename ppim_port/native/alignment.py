"""Arrays that begin where a line of the cache does.

A register of 64 bytes that straddles two lines takes two loads, and each of the sixteen
rows of a matrix unit's tile does: bfloat16 products took two to three times as long
(measured on a processor with AMX). numpy aligns to 16 bytes.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppim_port.state_dict import Array

LINE = 64


def block(size: int) -> NDArray[np.uint8]:
    """Memory in which `within` finds an aligned array of so many bytes."""
    return np.empty(size + LINE, np.uint8)


def within(memory: NDArray[np.uint8], shape: tuple[int, ...], dtype: Any) -> Array:
    """An aligned array in a block, of any contents; it refers to the block itself."""
    start = -memory.ctypes.data % LINE
    kind = np.dtype(dtype)
    bytes_ = memory[start : start + prod(shape) * kind.itemsize]
    found: Array = bytes_.view(kind).reshape(shape)
    return found


def aligned(array: Array) -> Array:
    """A copy, aligned and without gaps."""
    copy = within(block(array.nbytes), array.shape, array.dtype)
    copy[...] = array
    return copy
