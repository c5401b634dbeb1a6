"""The involution with its kernels made on the spot: they never reach memory.

In RedNet a 1x1 convolution makes K*K*G kernel elements a position out of C / 4
features, and writing and reading them is most of an involution's traffic. Here a
program makes TAPS elements at a time for its tile by a small matrix product, uses
them and forgets them. Every group reads all features of its tile (from the cache), so
this pays where C is small; docs/gpu.md has the arithmetic.

Forward only: training needs the kernels in memory for the gradients.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ppim_port.ops.triton.epilogue import finished, of_channels
from ppim_port.ops.triton.lanes import places


@triton.jit
def involution_generated(
    x: tl.tensor,
    features: tl.tensor,
    matrix: tl.tensor,
    bias: tl.tensor,
    scale: tl.tensor,
    shift: tl.tensor,
    out: tl.tensor,
    batch: int,
    height: int,
    width: int,
    out_height: int,
    out_width: int,
    x_n: int,
    x_c: tl.constexpr,
    x_h: tl.constexpr,
    x_w: tl.constexpr,
    features_n: int,
    features_c: tl.constexpr,
    features_h: tl.constexpr,
    features_w: tl.constexpr,
    matrix_t: tl.constexpr,
    matrix_c: tl.constexpr,
    out_n: int,
    out_c: tl.constexpr,
    out_h: tl.constexpr,
    out_w: tl.constexpr,
    GROUP_CHANNELS: tl.constexpr,
    KERNEL_SIZE: tl.constexpr,
    STRIDE: tl.constexpr,
    DILATION: tl.constexpr,
    REDUCED: tl.constexpr,
    BLOCK_REDUCED: tl.constexpr,
    TAPS: tl.constexpr,
    PRECISION: tl.constexpr,
    WIDEN: tl.constexpr,
    AFFINE: tl.constexpr,
    RELU: tl.constexpr,
    SUM: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One tile; grid `(tiles, G * channel blocks)`."""
    picture, position = places(batch, out_height * out_width, BLOCK)
    blocks: tl.constexpr = (GROUP_CHANNELS + BLOCK_CHANNELS - 1) // BLOCK_CHANNELS
    group = tl.program_id(1) // blocks
    y, z = position // out_width, position % out_width
    channel = tl.arange(0, BLOCK_CHANNELS) + tl.program_id(1) % blocks * BLOCK_CHANNELS
    there = channel < GROUP_CHANNELS
    channel += group * GROUP_CHANNELS
    reach: tl.constexpr = DILATION * (KERNEL_SIZE - 1) // 2
    taps: tl.constexpr = KERNEL_SIZE * KERNEL_SIZE
    reduced = tl.arange(0, BLOCK_REDUCED)
    x += (picture * x_n)[None, None, :] + (channel * x_c)[:, None, None]
    features += (picture * features_n + y * features_h + z * features_w)[:, None]
    features += (reduced * features_c)[None, :]
    matrix += group * taps * matrix_t + (reduced * matrix_c)[:, None]
    made_of = tl.load(features, mask=(reduced < REDUCED)[None, :], other=0.0)
    if WIDEN:
        made_of = made_of.to(SUM)
    total = tl.zeros((BLOCK_CHANNELS, BLOCK), SUM)
    for first in range(0, taps, TAPS):
        tap = first + tl.arange(0, TAPS)
        rows = tl.load(
            matrix + (tap * matrix_t)[None, :],
            mask=(reduced < REDUCED)[:, None] & (tap < taps)[None, :],
            other=0.0,
        )
        if WIDEN:
            rows = rows.to(SUM)
        kernels = tl.dot(made_of, rows, input_precision=PRECISION, out_dtype=SUM)
        # Wide generators: the rest of the features, a block at a time.
        for c in range(BLOCK_REDUCED, REDUCED, BLOCK_REDUCED):
            more = c + reduced < REDUCED
            a = tl.load(
                features + c * features_c,
                mask=more[None, :],
                other=0.0,
            )
            b = tl.load(
                matrix + c * matrix_c + (tap * matrix_t)[None, :],
                mask=more[:, None] & (tap < taps)[None, :],
                other=0.0,
            )
            if WIDEN:
                a, b = a.to(SUM), b.to(SUM)
            kernels = tl.dot(a, b, kernels, input_precision=PRECISION, out_dtype=SUM)
        added = tl.load(bias + group * taps + tap, mask=tap < taps, other=0.0)
        kernels = tl.trans(kernels + added.to(SUM)[None, :])
        row = (y * STRIDE - reach)[None, :] + (tap // KERNEL_SIZE * DILATION)[:, None]
        column = (z * STRIDE - reach)[None, :] + (tap % KERNEL_SIZE * DILATION)[:, None]
        there_x = (tap < taps)[:, None] & (row >= 0) & (row < height)
        there_x = there_x & (column >= 0) & (column < width)
        values = tl.load(
            x + (row * x_h + column * x_w)[None, :, :],
            mask=there[:, None, None] & there_x[None, :, :],
            other=0.0,
        ).to(SUM)
        total += tl.sum(kernels[None, :, :] * values, axis=1)
    there = there[:, None]
    factor = of_channels(scale, channel[:, None], there, AFFINE, SUM)
    summand = of_channels(shift, channel[:, None], there, AFFINE, SUM)
    total = finished(total, factor, summand, AFFINE, RELU)
    out += (picture * out_n)[None, :] + (channel * out_c)[:, None]
    tl.store(
        out + (y * out_h + z * out_w)[None, :],
        total.to(out.dtype.element_ty),
        mask=there,
    )
