"""The C++ kernels, loaded once, called with raw pointers: no framework is needed.

Everything that C++ would believe is checked here first: shapes, dtypes, and sizes of
buffers. Calls release Python's global lock, so pictures can run side by side.

`PPIM_NATIVE` in the environment chooses: `off` (as if there were no library), or the
name of an instruction set (`generic`, `avx2`, `avx512`, `avx512bf16`).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import Any

from ppim_port.errors import UsageError
from ppim_port.native.build import NAME, SOURCES

VARIABLE = "PPIM_NATIVE"
PATH = SOURCES.parent / NAME
TYPES = {"float32": 0, "bfloat16": 1, "float64": 2}


def _fields(pointers: str, sizes: str, numbers: str) -> list[tuple[str, Any]]:
    kinds = ((pointers, c_void_p), (sizes, c_int64), (numbers, c_int32))
    return [(name, kind) for names, kind in kinds for name in names.split()]


class ConvolutionArguments(ctypes.Structure):
    """See `src/arguments.h`."""

    _fields_ = _fields(
        "input weight bias residual output",
        "n height width channels out_height out_width out_channels "
        "kernel_size stride padding",
        "input_type output_type relu threads",
    )


class InvolutionArguments(ctypes.Structure):
    """See `src/arguments.h`."""

    _fields_ = _fields(
        "input weight scale shift output",
        "n height width channels groups out_height out_width "
        "kernel_size stride dilation",
        "type relu threads",
    )


class InvolutionGradientArguments(ctypes.Structure):
    """See `src/arguments.h`."""

    _fields_ = _fields(
        "input weight gradient input_gradient weight_gradient",
        "n height width channels groups out_height out_width "
        "kernel_size stride dilation",
        "type threads",
    )


class PoolArguments(ctypes.Structure):
    """See `src/arguments.h`."""

    _fields_ = _fields(
        "input output",
        "n height width channels out_height out_width kernel_size stride padding",
        "type average",
    )


_FUNCTIONS = {
    "convolution": ConvolutionArguments,
    "involution": InvolutionArguments,
    "involution_gradient": InvolutionGradientArguments,
    "pool": PoolArguments,
}


@dataclass(frozen=True, slots=True)
class Library:
    """The kernels of one instruction set.

    Attributes:
        isa: its name.
        panel: output channels a panel of packed weights.
    """

    isa: str
    panel: int
    _handle: ctypes.CDLL
    _kernels: int

    def run(self, function: str, arguments: ctypes.Structure) -> None:
        """Call a kernel; nothing is checked any more."""
        call = getattr(self._handle, f"ppim_{function}")
        call(self._kernels, ctypes.byref(arguments))


@cache
def load() -> Library | None:
    """The library for this processor, or nothing where there is none.

    Raises:
        UsageError: `PPIM_NATIVE` names what this build or processor does not have.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "off" or not PATH.exists():
        if wanted not in {"", "off"}:
            msg = f"{VARIABLE}={wanted}, but no kernels were built: {PATH} is absent."
            raise UsageError(msg)
        return None
    handle = ctypes.CDLL(str(PATH))
    _declare(handle)
    kernels = handle.ppim_kernels(wanted.encode())
    if not kernels:
        msg = (
            f"{VARIABLE}={wanted}: there is no such instruction set on this processor. "
            "Leave it unset for the fastest, or set it to `generic` or `off`."
        )
        raise UsageError(msg)
    return Library(
        handle.ppim_name(kernels).decode(), handle.ppim_panel(kernels), handle, kernels
    )


def require() -> Library:
    """The library for this processor.

    Raises:
        UsageError: it was not built, or is switched off.
    """
    library = load()
    if library is None:
        msg = (
            f"The C++ kernels are not at hand: {PATH} is absent, or {VARIABLE}=off. "
            "With a C++ compiler,  python -m ppim_port.native.build  makes them."
        )
        raise UsageError(msg)
    return library


def _declare(handle: ctypes.CDLL) -> None:
    handle.ppim_kernels.argtypes = [c_char_p]
    handle.ppim_kernels.restype = c_void_p
    handle.ppim_name.argtypes = handle.ppim_panel.argtypes = [c_void_p]
    handle.ppim_name.restype = c_char_p
    handle.ppim_panel.restype = c_int64
    for name, arguments in _FUNCTIONS.items():
        function = getattr(handle, f"ppim_{name}")
        function.argtypes = [c_void_p, POINTER(arguments)]
        function.restype = None


@dataclass(frozen=True, slots=True)
class Buffer:
    """Dense memory of a tensor of numpy, torch or Paddle.

    Attributes:
        pointer: address of the first element.
        shape: channels last.
        dtype: a key of `TYPES`.
        owner: the tensor, kept alive as long as the buffer.
    """

    pointer: int
    shape: tuple[int, ...]
    dtype: str
    owner: object


def expect(what: str, buffer: Buffer, shape: Sequence[int], dtype: str) -> None:
    """Refuse a buffer that C++ would read or write past the end of.

    Raises:
        UsageError: shape or dtype differ.
    """
    if buffer.shape != tuple(shape) or buffer.dtype != dtype:
        msg = (
            f"{what} is {buffer.dtype} {list(buffer.shape)}; expected {dtype} "
            f"{list(shape)}. Nothing was computed."
        )
        raise UsageError(msg)
