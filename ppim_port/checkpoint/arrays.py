"""Turning a checked description of a tensor into a read-only numpy array.

The bytes stay where they are when they are aligned; otherwise they are copied once.
Refused before any allocation: windows that leave their storage, sizes that lie, and
files whose tensors together would occupy many times the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, cast

import numpy as np

from ppim_port.checkpoint import limits
from ppim_port.checkpoint.complaints import damaged, refused, unreadable
from ppim_port.checkpoint.dtypes import BFLOAT16, NUMPY_CODES, little_endian
from ppim_port.checkpoint.pickle_records import Dtype, Latin1, NdArray
from ppim_port.errors import CorruptCheckpointError
from ppim_port.state_dict import Array

_LARGEST = 1 << 48


@dataclass(slots=True)
class Budget:
    """Bytes that the tensors of one file may still occupy."""

    where: str
    left: int

    def spend(self, amount: int, key: str) -> None:
        """Count `amount` bytes for the tensor `key`, or refuse it."""
        self.left -= amount
        if self.left < 0:
            refused(
                f"{named(self.where, key)} and the tensors before it would occupy "
                f"more than {limits.EXPANSION} times the file: not honest weights"
            )


@dataclass(frozen=True, slots=True)
class Window:
    """A strided window on a run of elements, in elements.

    Attributes:
        code: The dtype's code.
        offset: First element.
        shape: Sizes.
        stride: Steps; None is C order.
    """

    code: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...] | None = None


def named(where: str, key: str) -> str:
    """File and tensor, for messages."""
    return f"{where}: tensor {key[:200]!r}"


def window_of(
    name: str, code: str, offset: object, shape: object, stride: object
) -> Window:
    """Check the parts of a window, which come from a file.

    Raises:
        CorruptCheckpointError: They are not non-negative integers, or do not fit.
    """
    sizes, steps = _shape(name, shape), integers(name, stride)
    (start,) = integers(name, (offset,))
    if len(sizes) != len(steps):
        damaged(f"{name}: {len(sizes)} sizes but {len(steps)} strides")
    return Window(code, start, sizes, steps)


def integers(name: str, values: object) -> tuple[int, ...]:
    """Check what a file says are sizes, strides or offsets.

    Raises:
        CorruptCheckpointError: They are not non-negative integers.
        UnsafeCheckpointError: There are absurdly many.
    """
    if type(values) not in (tuple, list):
        damaged(f"{name}: a shape that is not a tuple")
    numbers = cast("tuple[Any, ...]", values)
    if len(numbers) > limits.MAX_DIMS:
        refused(f"{name}: {len(numbers)} axes; at most {limits.MAX_DIMS} are read")
    if not all(type(n) is int and 0 <= n < _LARGEST for n in numbers):
        damaged(f"{name}: a shape, stride or offset that is not a sensible number")
    return (*numbers,)


def plain_window(name: str, code: str, shape: object) -> Window:
    """A contiguous window from the first element on."""
    return Window(code, 0, _shape(name, shape))


def take(name: str, window: Window, data: memoryview) -> Array:
    """The array that `window` shows of `data`, little-endian, bfloat16 widened.

    Raises:
        CorruptCheckpointError: The window leaves the data.
    """
    dtype = little_endian(window.code)
    have, need = data.nbytes // dtype.itemsize, _last(window)
    if need > have:
        damaged(
            f"{name} needs {need} elements of its storage, which holds {have}: the "
            f"file is damaged"
        )
    return finish(name, _strided(window, dtype, data), window.code)


def finish(name: str, view: Array, code: str) -> Array:
    """Read-only, aligned, in native byte order, bfloat16 widened, booleans checked."""
    if code == "b1" and view.size and view.view(np.uint8).max() > 1:
        damaged(f"{name} is boolean but holds bytes other than 0 and 1")
    if code == BFLOAT16:
        # bfloat16 is the upper half of a float32: a shift widens it exactly.
        view = view.astype(np.uint32)
        view <<= 16  # in place: a shifted scalar array would become a number
        view = view.view(np.float32)
    elif not view.dtype.isnative:
        view = view.astype(view.dtype.newbyteorder("="))
    elif not view.flags.aligned:
        view = np.array(view)
    view.flags.writeable = False
    return view


def array_of(where: str, key: str, record: NdArray, budget: Budget) -> Array:
    """The array of a pickled numpy array.

    Raises:
        CheckpointError: Its dtype is not one of weights.
        CorruptCheckpointError: Its bytes do not fit its shape.
    """
    name = named(where, key)
    dtype = _numpy_dtype(name, record.dtype)
    shape = _shape(name, record.shape)
    budget.spend(prod(shape) * dtype.itemsize, key)
    data = _raw_bytes(name, record.data)
    if data.nbytes != prod(shape) * dtype.itemsize:
        damaged(
            f"{name}: {prod(shape)} elements of {dtype} expected, "
            f"{data.nbytes} bytes found"
        )
    fortran = record.fortran is True
    view: Array = np.ndarray(shape, dtype, data, order="F" if fortran else "C")
    return finish(name, view, f"{dtype.kind}{dtype.itemsize}")


def _shape(name: str, values: object) -> tuple[int, ...]:
    sizes = integers(name, values)
    # Without elements too: numpy multiplies the other axes.
    if prod(max(size, 1) for size in sizes) >= _LARGEST:
        refused(f"{name}: a shape of more elements than any file holds")
    return sizes


def _last(window: Window) -> int:
    """Elements that the storage must have."""
    if 0 in window.shape:
        return window.offset
    stride = window.stride
    if stride is None:
        return window.offset + prod(window.shape)
    reach = sum((n - 1) * s for n, s in zip(window.shape, stride, strict=True))
    return window.offset + reach + 1


def _strided(window: Window, dtype: np.dtype[Any], data: memoryview) -> Array:
    if 0 in window.shape:
        return np.empty(window.shape, dtype)
    strides = window.stride and tuple(s * dtype.itemsize for s in window.stride)
    start = window.offset * dtype.itemsize
    return np.ndarray(window.shape, dtype, buffer=data, offset=start, strides=strides)


def _numpy_dtype(name: str, record: object) -> np.dtype[Any]:
    if type(record) is not Dtype:
        damaged(f"{name}: an array without a dtype")
    # "=" in a file would mean the machine that wrote it, which we cannot know.
    known = record.code in NUMPY_CODES and record.order in ("<", ">", "|")
    if not (known and record.plain):
        unreadable(
            f"{name} has the numpy dtype {ascii(record.order + record.code)[1:33]}; "
            f"weights are real numbers, integers or booleans"
        )
    return np.dtype(record.order + record.code)


def _raw_bytes(name: str, data: object) -> memoryview:
    if type(data) is memoryview:
        return data
    if type(data) not in (str, Latin1):
        damaged(f"{name}: an array without bytes")
    try:
        text = str(data.text.data, "utf-8") if type(data) is Latin1 else str(data)
        return memoryview(text.encode("latin-1"))
    except ValueError:
        text = f"{name}: its bytes, disguised as text, do not decode"
        raise CorruptCheckpointError(text) from None
