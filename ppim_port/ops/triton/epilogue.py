"""What is done to a result between its last sum and its only store."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def finished(
    total: tl.tensor,
    factor: tl.tensor,
    summand: tl.tensor,
    AFFINE: tl.constexpr,
    RELU: tl.constexpr,
) -> tl.tensor:
    """Scaled and shifted where AFFINE, without its negative values where RELU."""
    if AFFINE:
        total = total * factor + summand
    if RELU:
        # Written so that a NaN stays one, as in the framework's ReLU.
        total = tl.where(total < 0.0, 0.0, total)
    return total


@triton.jit
def of_channels(
    values: tl.tensor,
    channel: tl.tensor,
    there: tl.tensor,
    AFFINE: tl.constexpr,
    SUM: tl.constexpr,
) -> tl.tensor:
    """The value of each channel; nothing is read where it is not used."""
    if AFFINE:
        values = tl.load(values + channel, mask=there, other=0.0).to(SUM)
    return values
