"""Gradient of the kernels: a sum over a group's channels, inside of one program.

Every element is written once, by the program that owns its position: no atomics, no
partial sums in memory, and the same bits on every run. Tiles are those of the forward
kernel: ROWS output rows by columns, so an input element that was loaded serves ROWS
positions, and the upstream gradient stays in registers for all taps.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ppim_port.ops.triton.taps import is_read, span, tap_at


@triton.jit
def involution_backward_weight(
    x: tl.tensor,
    upstream: tl.tensor,
    grad: tl.tensor,
    height: int,
    width: int,
    out_height: int,
    out_width: int,
    x_n: int,
    x_c: int,
    x_h: int,
    x_w: int,
    upstream_n: int,
    upstream_c: int,
    upstream_h: int,
    upstream_w: int,
    grad_n: int,
    grad_g: int,
    grad_t: int,
    grad_h: int,
    grad_w: int,
    GROUP_CHANNELS: tl.constexpr,
    KERNEL_SIZE: tl.constexpr,
    STRIDE: tl.constexpr,
    DILATION: tl.constexpr,
    SUM: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One tile; grid `(tiles * N, G)`."""
    tiles = tl.cdiv(tl.cdiv(out_height, ROWS) * out_width, BLOCK)
    picture = (tl.program_id(0) // tiles).to(tl.int64)
    group = tl.program_id(1)
    lane = (tl.program_id(0) % tiles) * BLOCK + tl.arange(0, BLOCK)
    y, z = lane // out_width * ROWS, lane % out_width
    inside = y < out_height
    reach: tl.constexpr = DILATION * (KERNEL_SIZE - 1) // 2
    channel = tl.arange(0, BLOCK_CHANNELS)
    there = (channel < GROUP_CHANNELS)[:, None]
    first = group * GROUP_CHANNELS + channel[:, None]
    x += picture * x_n + first * x_c
    upstream += picture * upstream_n + first * upstream_c + (z * upstream_w)[None, :]
    grad += picture * grad_n + group * grad_g + z * grad_w
    held = ()
    for r in tl.static_range(ROWS):
        part = tl.load(
            upstream + ((y + r) * upstream_h)[None, :],
            mask=there & (inside & (y + r < out_height))[None, :],
            other=0.0,
        ).to(SUM)
        held += (part,)
    for j in range(KERNEL_SIZE):
        column = z * STRIDE - reach + j * DILATION
        in_columns = inside & (column >= 0) & (column < width)
        for u in tl.static_range(span(ROWS, KERNEL_SIZE, STRIDE, DILATION)):
            if is_read(u, ROWS, KERNEL_SIZE, STRIDE, DILATION):
                row = y * STRIDE - reach + u
                there_x = (in_columns & (row >= 0) & (row < height))[None, :]
                place = x + (row * x_h + column * x_w)[None, :]
                values = tl.load(place, mask=there & there_x, other=0.0).to(SUM)
                for r in tl.static_range(ROWS):
                    # Not kept in a variable: it would be one at run time.
                    if tap_at(u - r * STRIDE, KERNEL_SIZE, DILATION) >= 0:
                        i = tap_at(u - r * STRIDE, KERNEL_SIZE, DILATION)
                        total = tl.sum(held[r] * values, axis=0)
                        # Wide groups: the rest of the channels, a block at a time.
                        for c in range(BLOCK_CHANNELS, GROUP_CHANNELS, BLOCK_CHANNELS):
                            more = (c + channel < GROUP_CHANNELS)[:, None]
                            a = tl.load(
                                place + c * x_c, mask=more & there_x, other=0.0
                            ).to(SUM)
                            b = tl.load(
                                upstream
                                + c * upstream_c
                                + ((y + r) * upstream_h)[None, :],
                                mask=more & (inside & (y + r < out_height))[None, :],
                                other=0.0,
                            ).to(SUM)
                            total += tl.sum(a * b, axis=0)
                        tl.store(
                            grad + (i * KERNEL_SIZE + j) * grad_t + (y + r) * grad_h,
                            total.to(grad.dtype.element_ty),
                            mask=inside & (y + r < out_height),
                        )
