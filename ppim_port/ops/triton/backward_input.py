"""Gradient of the input, in gather form: each input position collects what it caused.

No atomics and the same bits on every run, for any stride: a program owns blocks of
`ROWS * STRIDE` input rows by STRIDE columns, so which taps reach a position is known
while compiling (rows) or is the same for all lanes (columns), and neighbouring lanes
read neighbouring output columns. An upstream element that was loaded serves every
position of the block.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ppim_port.ops.triton.lanes import places
from ppim_port.ops.triton.taps import (
    column_step,
    first_offset,
    is_reached,
    last_offset,
    tap_at,
)


@triton.jit
def involution_backward_input(
    weight: tl.tensor,
    upstream: tl.tensor,
    grad: tl.tensor,
    batch: int,
    height: int,
    width: int,
    out_height: int,
    out_width: int,
    weight_n: int,
    weight_g: tl.constexpr,
    weight_t: tl.constexpr,
    weight_h: tl.constexpr,
    weight_w: tl.constexpr,
    upstream_n: int,
    upstream_c: tl.constexpr,
    upstream_h: tl.constexpr,
    upstream_w: tl.constexpr,
    grad_n: int,
    grad_c: tl.constexpr,
    grad_h: tl.constexpr,
    grad_w: tl.constexpr,
    GROUP_CHANNELS: tl.constexpr,
    KERNEL_SIZE: tl.constexpr,
    STRIDE: tl.constexpr,
    DILATION: tl.constexpr,
    SUM: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One tile; grid `(tiles, G * channel blocks)`."""
    column_blocks = tl.cdiv(width, STRIDE)
    per_picture = tl.cdiv(height, ROWS * STRIDE) * column_blocks
    picture, position = places(batch, per_picture, BLOCK)
    blocks: tl.constexpr = (GROUP_CHANNELS + BLOCK_CHANNELS - 1) // BLOCK_CHANNELS
    group = tl.program_id(1) // blocks
    block_y, block_z = position // column_blocks, position % column_blocks
    rows: tl.constexpr = ROWS * STRIDE
    channel = tl.arange(0, BLOCK_CHANNELS) + tl.program_id(1) % blocks * BLOCK_CHANNELS
    there = (channel < GROUP_CHANNELS)[:, None]
    own = group * GROUP_CHANNELS
    reach: tl.constexpr = DILATION * (KERNEL_SIZE - 1) // 2
    first: tl.constexpr = first_offset(KERNEL_SIZE, STRIDE, DILATION)
    y, z = block_y * ROWS, block_z + first
    upstream += (
        picture * upstream_n + own * upstream_c + y * upstream_h + z * upstream_w
    )
    weight += picture * weight_n + group * weight_g + y * weight_h + z * weight_w
    total = ()
    for _ in tl.static_range(rows * STRIDE):
        total += (tl.zeros((BLOCK_CHANNELS, BLOCK), SUM),)
    step: tl.constexpr = column_step(STRIDE, DILATION)
    last: tl.constexpr = last_offset(STRIDE, KERNEL_SIZE, STRIDE, DILATION)
    for h in range(first, last + 1, step):
        in_columns = (z >= 0) & (z < out_width)
        for v in tl.static_range(
            first, last_offset(rows, KERNEL_SIZE, STRIDE, DILATION) + 1
        ):
            if is_reached(v, rows, KERNEL_SIZE, STRIDE, DILATION):
                there_out = in_columns & (y + v >= 0) & (y + v < out_height)
                values = tl.load(
                    upstream[None, :]
                    + (channel * upstream_c)[:, None]
                    + v * upstream_h,
                    mask=there & there_out[None, :],
                    other=0.0,
                ).to(SUM)
                updated = ()
                for r in tl.static_range(rows):
                    for q in tl.static_range(STRIDE):
                        # Not kept in a variable: it would be one at run time.
                        if tap_at(r + reach - v * STRIDE, KERNEL_SIZE, DILATION) >= 0:
                            i = tap_at(r + reach - v * STRIDE, KERNEL_SIZE, DILATION)
                            offset = q + reach - h * STRIDE
                            j = offset // DILATION
                            is_tap = (offset >= 0) & (offset % DILATION == 0)
                            is_tap = is_tap & (j < KERNEL_SIZE)
                            place = weight + j * weight_t
                            kernel = tl.load(
                                place + i * KERNEL_SIZE * weight_t + v * weight_h,
                                mask=there_out & is_tap,
                                other=0.0,
                            ).to(SUM)
                            updated += (
                                total[r * STRIDE + q] + kernel[None, :] * values,
                            )
                        else:
                            updated += (total[r * STRIDE + q],)
                total = updated
        z += step
        upstream += step * upstream_w
        weight += step * weight_w
    y, z = block_y * rows, block_z * STRIDE
    grad += picture * grad_n + own * grad_c + y * grad_h + z * grad_w
    for r in tl.static_range(rows):
        for q in tl.static_range(STRIDE):
            there_x = (y + r < height) & (z + q < width)
            tl.store(
                grad[None, :] + (channel * grad_c)[:, None] + (r * grad_h + q * grad_w),
                total[r * STRIDE + q].to(grad.dtype.element_ty),
                mask=there & there_x[None, :],
            )
