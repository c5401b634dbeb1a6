"""The structures that cross the C interface; they mirror `src/arguments.h`.

`build.abi()` is the digest of that file: a library that was built from another one is
refused when it is loaded, since it would read these wrongly.
"""

from __future__ import annotations

import ctypes
from ctypes import c_int32, c_int64, c_void_p
from typing import Any

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
        "type weight_type relu threads",
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
        "n height width channels out_height out_width "
        "kernel_height kernel_width stride padding",
        "type average",
    )


class CopyArguments(ctypes.Structure):
    """See `src/arguments.h`."""

    _fields_ = _fields("input output", "bytes", "")


class Step(ctypes.Structure):
    """See `src/arguments.h`; `function` is a place in `FUNCTIONS`."""

    _fields_ = (("function", c_int64), ("arguments", c_void_p))


# In the order of `dispatch.cpp`.
FUNCTIONS = {
    "convolution": ConvolutionArguments,
    "involution": InvolutionArguments,
    "involution_gradient": InvolutionGradientArguments,
    "pool": PoolArguments,
    "copy": CopyArguments,
}
