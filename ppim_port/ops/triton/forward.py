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
    x_c: tl.constexpr,
    x_h: tl.constexpr,
    x_w: tl.constexpr,
    weight_n: int,
    weight_g: tl.constexpr,
    weight_t: tl.constexpr,
    weight_h: tl.constexpr,
    weight_w: tl.constexpr,
    out_n: int,
    out_c: tl.constexpr,
    out_h: tl.constexpr,
    out_w: tl.constexpr,
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
    reach: tl.constexpr = DILATION * (KERNEL_SIZE - 1) // 2
    own = group * GROUP_CHANNELS
    row, column = y * STRIDE - reach, z * STRIDE - reach
    x += picture * x_n + own * x_c + row * x_h + column * x_w
    weight += picture * weight_n + group * weight_g + y * weight_h + z * weight_w
    total = ()
    for _ in tl.static_range(ROWS):
        total += (tl.zeros((BLOCK_CHANNELS, BLOCK), SUM),)
    for _j in range(KERNEL_SIZE):
        in_columns = inside & (column >= 0) & (column < width)
        for u in tl.static_range(span(ROWS, KERNEL_SIZE, STRIDE, DILATION)):
            if is_read(u, ROWS, KERNEL_SIZE, STRIDE, DILATION):
                there_x = in_columns & (row + u >= 0) & (row + u < height)
                values = tl.load(
                    x[None, :] + (channel * x_c)[:, None] + u * x_h,
                    mask=there & there_x[None, :],
                    other=0.0,
                ).to(SUM)
                updated = ()
                for r in tl.static_range(ROWS):
                    # Not kept in a variable: it would be one at run time.
                    if tap_at(u - r * STRIDE, KERNEL_SIZE, DILATION) >= 0:
                        i = tap_at(u - r * STRIDE, KERNEL_SIZE, DILATION)
                        kernel = tl.load(
                            weight + i * KERNEL_SIZE * weight_t + r * weight_h,
                            mask=there_x & (y + r < out_height),
                            other=0.0,
                        ).to(SUM)
                        updated += (total[r] + kernel[None, :] * values,)
                    else:
                        updated += (total[r],)
                total = updated
        column += DILATION
        x += DILATION * x_w
        weight += weight_t
    factor = of_channels(scale, own + channel[:, None], there, AFFINE, SUM)
    summand = of_channels(shift, own + channel[:, None], there, AFFINE, SUM)
    out += picture * out_n + own * out_c + y * out_h + z * out_w
    for r in tl.static_range(ROWS):
        result = finished(total[r], factor, summand, AFFINE, RELU)
        tl.store(
            out[None, :] + (channel * out_c)[:, None] + r * out_h,
            result.to(out.dtype.element_ty),
            mask=there & (inside & (y + r < out_height))[None, :],
        )
