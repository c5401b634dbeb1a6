"""The involution itself: every kernel element is read once, every output written once.

A program owns ROWS output rows by a tile of columns, for the channels of one group.
Lanes run over columns and a thread holds all channels of its columns, so that one
loaded kernel element serves them all from a register; an input element that was
loaded serves up to ROWS outputs. Sums are float32 (float64 for float64), in a fixed
order: the same bits on every run.

It takes any strides, so both memory formats, each tensor in its own. The batch norm
that follows (as scale and shift) and the ReLU are applied before the one store.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ppim_port.ops.triton.epilogue import finished, of_channels
from ppim_port.ops.triton.taps import is_read, span, tap_at


@triton.jit
def involution_forward(
    x: tl.tensor,
    weight: tl.tensor,
    scale: tl.tensor,
    shift: tl.tensor,
    out: tl.tensor,
    height: int,
    width: int,
    out_height: int,
    out_width: int,
    x_n: int,
    x_c: int,
    x_h: int,
    x_w: int,
    weight_n: int,
    weight_g: int,
    weight_t: int,
    weight_h: int,
    weight_w: int,
    out_n: int,
    out_c: int,
    out_h: int,
    out_w: int,
    GROUP_CHANNELS: tl.constexpr,
    KERNEL_SIZE: tl.constexpr,
    STRIDE: tl.constexpr,
    DILATION: tl.constexpr,
    AFFINE: tl.constexpr,
    RELU: tl.constexpr,
    SUM: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One tile; grid `(tiles * N, G * channel blocks)`."""
    tiles = tl.cdiv(tl.cdiv(out_height, ROWS) * out_width, BLOCK)
    picture = (tl.program_id(0) // tiles).to(tl.int64)
    blocks: tl.constexpr = (GROUP_CHANNELS + BLOCK_CHANNELS - 1) // BLOCK_CHANNELS
    group = tl.program_id(1) // blocks
    lane = (tl.program_id(0) % tiles) * BLOCK + tl.arange(0, BLOCK)
    y, z = lane // out_width * ROWS, lane % out_width
    inside = y < out_height
    channel = tl.arange(0, BLOCK_CHANNELS) + tl.program_id(1) % blocks * BLOCK_CHANNELS
    there = (channel < GROUP_CHANNELS)[:, None]
    channel += group * GROUP_CHANNELS
    reach: tl.constexpr = DILATION * (KERNEL_SIZE - 1) // 2
    x += picture * x_n + channel[:, None] * x_c
    weight += picture * weight_n + group * weight_g + z * weight_w
    total = ()
    for _ in tl.static_range(ROWS):
        total += (tl.zeros((BLOCK_CHANNELS, BLOCK), SUM),)
    for j in range(KERNEL_SIZE):
        column = z * STRIDE - reach + j * DILATION
        in_columns = inside & (column >= 0) & (column < width)
        for u in tl.static_range(span(ROWS, KERNEL_SIZE, STRIDE, DILATION)):
            if is_read(u, ROWS, KERNEL_SIZE, STRIDE, DILATION):
                row = y * STRIDE - reach + u
                there_x = in_columns & (row >= 0) & (row < height)
                values = tl.load(
                    x + (row * x_h + column * x_w)[None, :],
                    mask=there & there_x[None, :],
                    other=0.0,
                ).to(SUM)
                updated = ()
                for r in tl.static_range(ROWS):
                    # Not kept in a variable: it would be one at run time.
                    if tap_at(u - r * STRIDE, KERNEL_SIZE, DILATION) >= 0:
                        i = tap_at(u - r * STRIDE, KERNEL_SIZE, DILATION)
                        kernel = tl.load(
                            weight
                            + (i * KERNEL_SIZE + j) * weight_t
                            + (y + r) * weight_h,
                            mask=there_x & (y + r < out_height),
                            other=0.0,
                            eviction_policy="evict_first",
                        ).to(SUM)
                        updated += (total[r] + kernel[None, :] * values,)
                    else:
                        updated += (total[r],)
                total = updated
    out += picture * out_n + channel[:, None] * out_c
    factor = of_channels(scale, channel[:, None], there, AFFINE, SUM)
    summand = of_channels(shift, channel[:, None], there, AFFINE, SUM)
    for r in tl.static_range(ROWS):
        result = finished(total[r], factor, summand, AFFINE, RELU)
        tl.store(
            out + ((y + r) * out_h + z * out_w)[None, :],
            result.to(out.dtype.element_ty),
            mask=there & (inside & (y + r < out_height))[None, :],
        )
