"""Gradient of the kernels: a sum over a group's channels, inside of one program.

Every element is written once, by the program that owns its position: no atomics, no
partial sums in memory, and the same bits on every run. Tiles are those of the forward
kernel: ROWS output rows by columns, so an input element that was loaded serves ROWS
positions, and the upstream gradient stays in registers for all taps.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ppim_port.ops.triton.lanes import places
from ppim_port.ops.triton.taps import is_read, span, tap_at


@triton.jit
def involution_backward_weight(
    x: tl.tensor,
    upstream: tl.tensor,
    grad: tl.tensor,
    batch: int,
    height: int,
    width: int,
    out_height: int,
    out_width: int,
    x_n: int,
    x_c: tl.constexpr,
    x_h: tl.constexpr,
    x_w: tl.constexpr,
    upstream_n: int,
    upstream_c: tl.constexpr,
    upstream_h: tl.constexpr,
    upstream_w: tl.constexpr,
    grad_n: int,
    grad_g: tl.constexpr,
    grad_t: tl.constexpr,
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
    """One tile; grid `(tiles, G)`."""
    per_picture = tl.cdiv(out_height, ROWS) * out_width
    picture, position = places(batch, per_picture, BLOCK)
    group = tl.program_id(1)
    y, z = position // out_width * ROWS, position % out_width
    reach: tl.constexpr = DILATION * (KERNEL_SIZE - 1) // 2
    channel = tl.arange(0, BLOCK_CHANNELS)
    there = (channel < GROUP_CHANNELS)[:, None]
    own = group * GROUP_CHANNELS
    row, column = y * STRIDE - reach, z * STRIDE - reach
    x += picture * x_n + own * x_c + row * x_h + column * x_w
    upstream += (
        picture * upstream_n + own * upstream_c + y * upstream_h + z * upstream_w
    )
    grad += picture * grad_n + group * grad_g + y * grad_h + z * grad_w
    held = ()
    for r in tl.static_range(ROWS):
        part = tl.load(
            upstream[None, :] + (channel * upstream_c)[:, None] + r * upstream_h,
            mask=there & (y + r < out_height)[None, :],
            other=0.0,
        ).to(SUM)
        held += (part,)
    for _j in range(KERNEL_SIZE):
        in_columns = (column >= 0) & (column < width)
        for u in tl.static_range(span(ROWS, KERNEL_SIZE, STRIDE, DILATION)):
            if is_read(u, ROWS, KERNEL_SIZE, STRIDE, DILATION):
                there_x = (in_columns & (row + u >= 0) & (row + u < height))[None, :]
                place = x[None, :] + (channel * x_c)[:, None] + u * x_h
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
                                upstream[None, :]
                                + ((c + channel) * upstream_c)[:, None]
                                + r * upstream_h,
                                mask=more & (y + r < out_height)[None, :],
                                other=0.0,
                            ).to(SUM)
                            total += tl.sum(a * b, axis=0)
                        tl.store(
                            grad + i * KERNEL_SIZE * grad_t + r * grad_h,
                            total.to(grad.dtype.element_ty),
                            mask=y + r < out_height,
                        )
        column += DILATION
        x += DILATION * x_w
        grad += grad_t
