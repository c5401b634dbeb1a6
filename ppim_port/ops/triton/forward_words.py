"""The involution in NCHW, where rows are whole words: fewer instructions an element.

A thread owns COLUMNS neighbouring output columns of all channels of a group. It walks
over the K input rows; a row's few words are loaded once and serve K * COLUMNS products.
A word has WORD elements: the widest that the rows are whole numbers of.
Counted in the machine code, docs/gpu.md has the figures. Sums are float32 (float64 for
float64), tap after tap, row by row: the same bits on every run.

Strides within a picture are known while compiling, so that an address is computed once
a row and every load adds a constant to it.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ppim_port.ops.triton.epilogue import finished, of_channels
from ppim_port.ops.triton.lanes import places
from ppim_port.ops.triton.words import first_word, last_word, load_word, store_word


@triton.jit
def involution_forward_words(
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
    SUM: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
    WORD: tl.constexpr,
    COLUMNS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """One tile; grid `(tiles, G * channel blocks)`; `*_w` are 1."""
    lanes = tl.cdiv(out_width, COLUMNS)
    picture, position = places(batch, out_height * lanes, BLOCK)
    blocks: tl.constexpr = (GROUP_CHANNELS + BLOCK_CHANNELS - 1) // BLOCK_CHANNELS
    group = tl.program_id(1) // blocks
    # A row's last lane moves back until all of its columns are inside; those that are
    # computed twice are the same: no mask on what is written.
    y = position // lanes
    z = tl.minimum(position % lanes * (COLUMNS // WORD), (out_width - COLUMNS) // WORD)
    z *= WORD  # in words first, so that the compiler knows that it is aligned
    channel = tl.arange(0, BLOCK_CHANNELS) + tl.program_id(1) % blocks * BLOCK_CHANNELS
    there = (channel < GROUP_CHANNELS)[:, None]
    reach: tl.constexpr = DILATION * (KERNEL_SIZE - 1) // 2
    first: tl.constexpr = first_word(reach, WORD)
    last: tl.constexpr = last_word(reach, COLUMNS, STRIDE, WORD)
    own = group * GROUP_CHANNELS
    row, start = y * STRIDE - reach, z * STRIDE
    x += picture * x_n + own * x_c + row * x_h + start
    weight += picture * weight_n + group * weight_g + y * weight_h + z
    total = ()
    for _ in tl.static_range(COLUMNS):
        total += (tl.zeros((BLOCK_CHANNELS, BLOCK), SUM),)
    for _i in range(KERNEL_SIZE):
        in_rows = (row >= 0) & (row < height)
        seen = ()
        for w in tl.static_range(first, last + 1):
            column = start + w * WORD
            there_x = (in_rows & (column >= 0) & (column < width))[None, :]
            place = x[None, :] + (channel * x_c)[:, None] + w * WORD
            seen += load_word(place, there & there_x, WORD, SUM)
        for j in tl.static_range(KERNEL_SIZE):
            kernel = ()
            for c in tl.static_range(0, COLUMNS, WORD):
                place = (weight + (j * weight_t + c))[None, :]
                kernel += load_word(place, in_rows[None, :], WORD, SUM)
            updated = ()
            for v in tl.static_range(COLUMNS):
                at_tap = seen[v * STRIDE + j * DILATION - reach - first * WORD]
                updated += (total[v] + kernel[v] * at_tap,)
            total = updated
        row += DILATION
        x += DILATION * x_h
        weight += KERNEL_SIZE * weight_t
    factor = of_channels(scale, own + channel[:, None], there, AFFINE, SUM)
    summand = of_channels(shift, own + channel[:, None], there, AFFINE, SUM)
    out += picture * out_n + own * out_c + y * out_h + z
    for c in tl.static_range(0, COLUMNS, WORD):
        result = ()
        for v in tl.static_range(WORD):
            result += (finished(total[c + v], factor, summand, AFFINE, RELU),)
        place = out[None, :] + (channel * out_c)[:, None] + c
        store_word(place, result, there, WORD)
