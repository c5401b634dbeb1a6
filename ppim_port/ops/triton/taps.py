"""Which tap joins an output row to an input row: worked out while compiling.

A program of the kernels owns a few rows at once and meets every input row once: what
it loaded serves each of its rows, through another tap. These functions see integers
only, so an answer costs nothing when the kernel runs.
"""

from __future__ import annotations

import triton


@triton.constexpr_function
def span(rows: int, kernel_size: int, stride: int, dilation: int) -> int:
    """Input rows from the first to the last that `rows` output rows look at."""
    return (rows - 1) * stride + (kernel_size - 1) * dilation + 1


@triton.constexpr_function
def tap_at(offset: int, kernel_size: int, dilation: int) -> int:
    """The tap that lies `offset` input rows after a kernel's first one, or -1."""
    tap, rest = divmod(offset, dilation)
    return tap if rest == 0 and 0 <= tap < kernel_size else -1


@triton.constexpr_function
def is_read(u: int, rows: int, kernel_size: int, stride: int, dilation: int) -> bool:
    """Whether any of `rows` output rows has a tap on the input row `u` of the span."""
    return any(
        tap_at(u - row * stride, kernel_size, dilation) >= 0 for row in range(rows)
    )


@triton.constexpr_function
def first_offset(kernel_size: int, stride: int, dilation: int) -> int:
    """The lowest output row, from a block's own, with a tap on the block's input rows.

    A block of `stride` input rows starts at `stride` times its output row.
    """
    reach = dilation * (kernel_size - 1) // 2
    return -((dilation * (kernel_size - 1) - reach) // stride)


@triton.constexpr_function
def last_offset(rows: int, kernel_size: int, stride: int, dilation: int) -> int:
    """The highest output row, from a block's own, with a tap on `rows` input rows."""
    reach = dilation * (kernel_size - 1) // 2
    return (rows - 1 + reach) // stride


@triton.constexpr_function
def is_reached(v: int, rows: int, kernel_size: int, stride: int, dilation: int) -> bool:
    """Whether the output row `v` has a tap on any of a block's `rows` input rows."""
    reach = dilation * (kernel_size - 1) // 2
    return any(
        tap_at(row + reach - v * stride, kernel_size, dilation) >= 0
        for row in range(rows)
    )


@triton.constexpr_function
def column_step(stride: int, dilation: int) -> int:
    """The step through the output columns that have a tap on an input column."""
    # With stride 1 only every `dilation`th has one; otherwise masks find them.
    return dilation if stride == 1 else 1
