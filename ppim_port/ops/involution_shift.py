"""Involution in numpy by shifted views: fast on the CPU, forward only.

Held to `involution_numpy` by the tests. Paddle's evaluation runs on it, because
Paddle's own broadcasting products are slower than the unfolded form (13 times slower
than this file over RedNet-26's shapes, paddlepaddle 3.3.1, one core).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np

from ppim_port.state_dict import Array


@cache
def _pool() -> ThreadPoolExecutor:
    # numpy releases the GIL inside of its loops, so pictures run side by side.
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="involution")


if hasattr(os, "register_at_fork"):  # Windows has no fork.
    # A forked child gets the pool without its threads and would wait for them forever.
    os.register_at_fork(after_in_child=_pool.cache_clear)


def involution(
    x: Array, weight: Array, *, kernel_size: int, stride: int = 1, dilation: int = 1
) -> Array:
    """Weigh each position's neighbourhood by that position's own kernel.

    Args:
        x: input, `[N, C, H, W]`, float32 or float64.
        weight: kernels, `[N, G, K*K, H', W']` with `H' = ceil(H / stride)`.
        kernel_size: K, odd.
        stride: step between output positions, in input pixels.
        dilation: step between the taps of one kernel, in input pixels.

    Returns:
        `[N, C, H', W']`, contiguous, in the dtype of `x`.
    """
    n, channels = x.shape[:2]
    out = np.empty((n, channels, *weight.shape[3:]), x.dtype)
    one = partial(
        _involution_of_one, kernel_size=kernel_size, stride=stride, dilation=dilation
    )
    # A single picture comes from a caller that has its own threads.
    run = map if n == 1 else _pool().map
    list(run(one, x, weight, out))
    return out


def _involution_of_one(
    x: Array, weight: Array, out: Array, *, kernel_size: int, stride: int, dilation: int
) -> None:
    groups, _, height, width = weight.shape
    reach = dilation * (kernel_size - 1) // 2
    channels, h, w = x.shape
    # Channels last: the channels of a group are then neighbours in memory and share
    # their kernel; one picture at a time stays in the cache.
    padded = np.zeros((h + 2 * reach, w + 2 * reach, channels), x.dtype)
    padded[reach : reach + h, reach : reach + w] = x.transpose(1, 2, 0)
    padded = padded.reshape(*padded.shape[:2], groups, -1)
    kernels = np.ascontiguousarray(weight.transpose(1, 2, 3, 0))[..., None]
    total = np.zeros((height, width, groups, channels // groups), x.dtype)
    term = np.empty_like(total)
    rows = stride * (height - 1) + 1
    columns = stride * (width - 1) + 1
    for tap, kernel in enumerate(kernels):
        i, j = (dilation * step for step in divmod(tap, kernel_size))
        view = padded[i : i + rows : stride, j : j + columns : stride]
        # Infinities in silence, as in the frameworks: a net without training overflows.
        with np.errstate(over="ignore", invalid="ignore"):
            np.add(total, np.multiply(kernel, view, out=term), out=total)
    out[:] = total.reshape(height, width, channels).transpose(2, 0, 1)
