"""Dense memory of numpy, torch or Paddle, with what C++ must believe about it.

A `Buffer` promises that its memory holds the whole shape, row by row; whatever does not
fit is refused here, because C++ would read or write past the end of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ppim_port.errors import UsageError
from ppim_port.state_dict import Array

# numpy has no bfloat16: its bits go as uint16.
_NAMES = {
    np.dtype(np.float32): "float32",
    np.dtype(np.float64): "float64",
    np.dtype(np.uint16): "bfloat16",
}


@dataclass(frozen=True, slots=True)
class Buffer:
    """Dense memory of a tensor of numpy, torch or Paddle.

    Attributes:
        pointer: address of the first element.
        shape: channels last.
        dtype: "float32", "float64" or "bfloat16".
        owner: the tensor, kept alive as long as the buffer.
    """

    pointer: int
    shape: tuple[int, ...]
    dtype: str
    owner: object

    @classmethod
    def of(cls, array: Array) -> Buffer:
        """An array's memory; uint16 is taken for the bits of bfloat16.

        Raises:
            UsageError: the array is a view with gaps, or of another dtype.
        """
        if array.dtype not in _NAMES or not array.flags.c_contiguous:
            msg = (
                f"An array of {array.dtype.str} with strides {array.strides}, "
                "expected float32, float64 or uint16 (bfloat16) without gaps. "
                "Nothing was computed."
            )
            raise UsageError(msg)
        return cls(array.ctypes.data, array.shape, _NAMES[array.dtype], array)


def expect(what: str, buffer: Buffer, shape: Sequence[int], dtype: str) -> None:
    """Refuse a buffer that C++ would read or write past the end of.

    Raises:
        UsageError: shape or dtype differ.
    """
    if buffer.shape != tuple(shape) or buffer.dtype != dtype:
        msg = (
            f"{what}: {buffer.dtype} {list(buffer.shape)}, expected {dtype} "
            f"{list(shape)}. Nothing was computed."
        )
        raise UsageError(msg)


def expect_type(what: str, buffer: Buffer, types: Sequence[str]) -> None:
    """Refuse a dtype that a kernel does not know.

    Raises:
        UsageError: it is none of `types`.
    """
    if buffer.dtype not in types:
        msg = (
            f"{what}: {buffer.dtype}, expected {' or '.join(types)}. "
            "Nothing was computed."
        )
        raise UsageError(msg)


def expect_axes(what: str, shape: Sequence[int], axes: str) -> tuple[int, ...]:
    """The sizes of a tensor with as many axes as `axes` has words.

    Raises:
        UsageError: it has another number of them.
    """
    names = axes.split()
    if len(shape) != len(names):
        msg = (
            f"{what}: {list(shape)}, expected [{', '.join(names)}]. "
            "Nothing was computed."
        )
        raise UsageError(msg)
    return tuple(shape)
