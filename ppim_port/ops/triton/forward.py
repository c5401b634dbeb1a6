"""The involution itself: kernel elements and outputs move once, but for a map's edge.

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
from ppim_port.ops.triton.lanes import places
from ppim_port.ops.triton.taps import is_read, span, tap_at
from ppim_port.ops.triton.words import load_channels, store_word


@triton.jit
def involution_forward(
    x: tl.tensor,
    weight: tl.tensor,
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
    PAIRS: tl.constexpr,
    SUM: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One tile; grid `(tiles, G * channel blocks)`."""
    per_picture = tl.cdiv(out_height, ROWS) * out_width
    picture, position = places(batch, per_picture, BLOCK)
    blocks: tl.constexpr = (GROUP_CHANNELS + BLOCK_CHANNELS - 1) // BLOCK_CHANNELS
    group = tl.program_id(1) // blocks
    # A picture's last block of rows moves up until it is whole; rows that are computed
    # twice are the same: no mask on what is written.
    y = tl.minimum(position // out_width * ROWS, out_height - ROWS)
    z = position % out_width
    parts: tl.constexpr = 2 if PAIRS else 1
    channels: tl.constexpr = BLOCK_CHANNELS // parts
    channel = tl.arange(0, channels) + tl.program_id(1) % blocks * channels
    there = (channel < GROUP_CHANNELS // parts)[:, None]
    own = group * GROUP_CHANNELS
    reach: tl.constexpr = DILATION * (KERNEL_SIZE - 1) // 2
    row, column = y * STRIDE - reach, z * STRIDE - reach
    x += picture * x_n + own * x_c + row * x_h + column * x_w
    if PAIRS:
        x = x.to(tl.pointer_type(tl.int32))
    weight += picture * weight_n + group * weight_g + y * weight_h + z * weight_w
    total = ()
    for _ in tl.static_range(ROWS * parts):
        total += (tl.zeros((channels, BLOCK), SUM),)
    for _j in range(KERNEL_SIZE):
        in_columns = (column >= 0) & (column < width)
        for u in tl.static_range(span(ROWS, KERNEL_SIZE, STRIDE, DILATION)):
            if is_read(u, ROWS, KERNEL_SIZE, STRIDE, DILATION):
                there_x = in_columns & (row + u >= 0) & (row + u < height)
                place = x[None, :] + (channel * x_c)[:, None] + u * (x_h // parts)
                values = load_channels(place, there & there_x[None, :], PAIRS, SUM)
                total = _with_row(
                    total,
                    values,
                    weight,
                    there_x,
                    u,
                    weight_t,
                    weight_h,
                    ROWS,
                    KERNEL_SIZE,
                    STRIDE,
                    DILATION,
                    SUM,
                )
        column += DILATION
        x += DILATION * (x_w // parts)
        weight += weight_t
    out += picture * out_n + own * out_c + y * out_h + z * out_w
    factor, summand = (), ()
    for p in tl.static_range(parts):
        at = own + (channel * parts + p)[:, None]
        factor += (of_channels(scale, at, there, AFFINE, SUM),)
        summand += (of_channels(shift, at, there, AFFINE, SUM),)
    for r in tl.static_range(ROWS):
        result = ()
        for p in tl.static_range(parts):
            sums = total[r * parts + p]
            result += (finished(sums, factor[p], summand[p], AFFINE, RELU),)
        place = out[None, :] + (channel * (parts * out_c))[:, None] + r * out_h
        store_word(place, result, there, parts)


@triton.jit
def _with_row(
    total: tl.tuple,
    values: tl.tuple,
    weight: tl.tensor,
    mask: tl.tensor,
    U: tl.constexpr,
    WEIGHT_T: tl.constexpr,
    WEIGHT_H: tl.constexpr,
    ROWS: tl.constexpr,
    KERNEL_SIZE: tl.constexpr,
    STRIDE: tl.constexpr,
    DILATION: tl.constexpr,
    SUM: tl.constexpr,
) -> tl.tuple:
    """The sums of all rows, with what the input row U of the span adds to each."""
    parts: tl.constexpr = len(values)
    updated = ()
    for r in tl.static_range(ROWS):
        # Not kept in a variable: it would be one at run time.
        if tap_at(U - r * STRIDE, KERNEL_SIZE, DILATION) >= 0:
            i = tap_at(U - r * STRIDE, KERNEL_SIZE, DILATION)
            at = weight + i * KERNEL_SIZE * WEIGHT_T + r * WEIGHT_H
            kernel = _element(at, mask, WEIGHT_T == 1).to(SUM)
            for p in tl.static_range(parts):
                product = kernel[None, :] * values[p]
                updated += (total[r * parts + p] + product,)
        else:
            for p in tl.static_range(parts):
                updated += (total[r * parts + p],)
    return updated


@triton.jit
def _element(
    pointer: tl.tensor, mask: tl.tensor, NEIGHBOURS: tl.constexpr
) -> tl.tensor:
    """A kernel element; a neighbour of one that is used is read, mask or not."""
    return tl.load(pointer) if NEIGHBOURS else tl.load(pointer, mask=mask, other=0.0)
