"""Involution in plain numpy: slow, obvious, and what the fast forms are held to.

It follows the formula of the paper (arXiv 2103.06255, equation 4) position by
position and in the arrays' own precision; give it float64 to use it as an oracle.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from ppim_port.state_dict import Array


def involution(
    x: Array,
    weight: Array,
    *,
    kernel_size: int,
    stride: int = 1,
    dilation: int = 1,
) -> Array:
    """Weigh each position's neighbourhood by that position's own kernel.

    Args:
        x: input, `[N, C, H, W]`.
        weight: kernels, `[N, G, K*K, H', W']`; the C channels are split into G groups
            of neighbours that share a kernel. `H' = ceil(H / stride)`, likewise W'.
        kernel_size: K, odd. Positions outside of the input count as zero.
        stride: step between output positions, in input pixels.
        dilation: step between the taps of one kernel, in input pixels.

    Returns:
        `[N, C, H', W']` in the promoted dtype of both.
    """
    n, c, h, w = x.shape
    groups, out_h, out_w = weight.shape[1], weight.shape[3], weight.shape[4]
    reach = dilation * (kernel_size - 1) // 2
    out = np.zeros((n, c, out_h, out_w), np.result_type(x, weight))
    group_of = np.arange(c) // (c // groups)
    taps = list(product(range(kernel_size), repeat=2))
    for row, column in product(range(out_h), range(out_w)):
        for tap, (i, j) in enumerate(taps):
            y = row * stride + i * dilation - reach
            z = column * stride + j * dilation - reach
            if 0 <= y < h and 0 <= z < w:
                kernel = weight[:, group_of, tap, row, column]
                out[:, :, row, column] += kernel * x[:, :, y, z]
    return out
