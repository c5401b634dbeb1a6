"""The C++ involution and its gradients on numpy arrays in the frameworks' layout.

Arrays are copied to channels-last and back, which costs less than computing the other
way; nets in the inference form (`ppim_port.inference`) never leave channels-last.
"""

from __future__ import annotations

import os

import numpy as np

from ppim_port.native import calls
from ppim_port.native.buffers import Buffer, expect_axes, expect_type
from ppim_port.native.geometry import Geometry
from ppim_port.native.library import require
from ppim_port.state_dict import Array


def involution(
    x: Array,
    weight: Array,
    *,
    kernel_size: int,
    stride: int = 1,
    dilation: int = 1,
    threads: int | None = None,
) -> Array:
    """Weigh each position's neighbourhood by that position's own kernel.

    Args:
        x: input, `[N, C, H, W]`, float32 or float64.
        weight: kernels, `[N, G, K*K, H', W']` with `H' = ceil(H / stride)`.
        kernel_size: K, odd.
        stride: step between output positions, in input pixels.
        dilation: step between the taps of one kernel, in input pixels.
        threads: for the whole; one for a single picture, else as many as cores.

    Returns:
        `[N, C, H', W']`, contiguous, in the dtype of `x`.

    Raises:
        UsageError: the kernels were not built, or shapes or dtypes do not fit.
    """
    pixels, kernels = _dense(x, weight)
    out = np.empty((*kernels.shape[:3], pixels.shape[3]), x.dtype)
    calls.involution(
        require(),
        Buffer.of(pixels),
        Buffer.of(kernels),
        Buffer.of(out),
        Geometry(kernel_size, stride, dilation),
        threads=_threads(x, threads),
    )
    return np.ascontiguousarray(out.transpose(0, 3, 1, 2))


def gradients(
    gradient: Array,
    x: Array,
    weight: Array,
    *,
    kernel_size: int,
    stride: int = 1,
    dilation: int = 1,
    threads: int | None = None,
) -> tuple[Array, Array]:
    """Gradients for `x` and `weight`, given that of the output; see `involution`."""
    pixels, kernels = _dense(x, weight)
    for_pixels, for_kernels = np.empty_like(pixels), np.empty_like(kernels)
    calls.involution_gradient(
        require(),
        Buffer.of(pixels),
        Buffer.of(kernels),
        Buffer.of(_channels_last("The gradient", gradient)),
        (Buffer.of(for_pixels), Buffer.of(for_kernels)),
        Geometry(kernel_size, stride, dilation),
        threads=_threads(x, threads),
    )
    return (
        np.ascontiguousarray(for_pixels.transpose(0, 3, 1, 2)),
        np.ascontiguousarray(for_kernels.transpose(0, 3, 4, 1, 2)),
    )


def _threads(x: Array, threads: int | None) -> int:
    # A single picture comes from a caller that has its own threads.
    return threads or (1 if len(x) == 1 else os.cpu_count() or 1)


def _dense(x: Array, weight: Array) -> tuple[Array, Array]:
    """Input and kernels with channels and taps last, without gaps."""
    pixels = _channels_last("The input", x)
    expect_type("The input", Buffer.of(pixels), ("float32", "float64"))
    expect_axes("The kernels", weight.shape, "N G K*K H' W'")
    return pixels, np.ascontiguousarray(weight.transpose(0, 3, 4, 1, 2))


def _channels_last(what: str, x: Array) -> Array:
    expect_axes(what, x.shape, "N C H W")
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))
