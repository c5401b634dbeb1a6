"""The C++ kernels of every instruction set of this processor, and memory for them.

bfloat16 has no numpy dtype: its bits travel as uint16, and `values` reads them.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, TypeAlias

import numpy as np
import pytest

from ppim_port.errors import UsageError
from ppim_port.native.buffers import Buffer
from ppim_port.native.library import PATH, Library, load_named
from ppim_port.native.packing import from_bfloat16, to_bfloat16
from ppim_port.state_dict import Array

DType: TypeAlias = Literal["float32", "float64", "bfloat16"]

# Half a unit in the last place: what one rounding can cost, relative.
ROUNDING = {"float32": 2.0**-24, "float64": 2.0**-53, "bfloat16": 2.0**-8}

needs_kernels = pytest.mark.skipif(
    not PATH.exists(), reason=f"the C++ kernels are not built: no {PATH}"
)


@cache
def named(isa: str) -> Library:
    return load_named(isa)


def runs_here(isa: str) -> bool:
    try:
        named(isa)
    except UsageError:
        return False
    return True


ISAS = [
    isa for isa in ("generic", "avx2", "avx512", "avx512bf16", "amx") if runs_here(isa)
]
on_every_set = pytest.mark.parametrize("isa", ISAS)


def stored(array: Array, dtype: str) -> Array:
    """Rounded to a dtype, dense."""
    if dtype == "bfloat16":
        return to_bfloat16(np.ascontiguousarray(array, np.float32))
    return np.ascontiguousarray(array, dtype)


def values(array: Array) -> Array:
    """What is stored, in float64."""
    return (from_bfloat16(array) if array.dtype == np.uint16 else array).astype("f8")


class Guarded:
    """Memory for an output, with a fence on both sides.

    Args:
        shape: of the output.
        dtype: of the output.
    """

    FENCE = 512
    MARK = 0xA5

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        kind = np.dtype("uint16" if dtype == "bfloat16" else dtype)
        size = int(np.prod(shape)) * kind.itemsize
        self._bytes = np.full(size + 2 * self.FENCE, self.MARK, np.uint8)
        inside = self._bytes[self.FENCE : self.FENCE + size]
        self.array: Array = inside.view(kind).reshape(shape)
        self.buffer = Buffer.of(self.array)

    def intact(self) -> bool:
        """Whether nothing was written beside the output."""
        fences = (self._bytes[: self.FENCE], self._bytes[-self.FENCE :])
        return all((fence == self.MARK).all() for fence in fences)


def same_bits(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
