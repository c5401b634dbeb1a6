"""Weights of a convolution in the order in which the C++ kernel reads them.

Packing is done once, when a net is made ready for inference; see `src/convolution.h`
for the layout and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ppim_port.errors import UsageError
from ppim_port.native.alignment import aligned
from ppim_port.native.library import Library
from ppim_port.state_dict import Array

ElementType: TypeAlias = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class Packed:
    """Weights and bias of a convolution, ready for `native.convolution`.

    Attributes:
        weight: float32, or bfloat16 as uint16 bits; panels of output channels.
        bias: float32 `[out_channels]`, with zeros up to whole panels.
        dtype: of the weights, and so of the input.
        channels: of the input.
        out_channels: of the output.
        kernel_size: height and width of the kernel.
        panel: of the kernels that these weights are for.
    """

    weight: NDArray[np.float32] | NDArray[np.uint16]
    bias: NDArray[np.float32]
    dtype: ElementType
    channels: int
    out_channels: int
    kernel_size: int
    panel: int


def pack(
    library: Library, weight: Array, bias: Array, *, dtype: ElementType = "float32"
) -> Packed:
    """Pack a convolution.

    Args:
        library: whose panels.
        weight: `[out_channels, channels, K, K]`, floating point.
        bias: `[out_channels]`.
        dtype: what the kernel multiplies; the sums are float32 in both.

    Raises:
        UsageError: sizes that do not fit each other, or are zero; or bfloat16, which
            takes its channels in pairs, and their number is odd.
    """
    if weight.ndim != 4 or 0 in weight.shape or weight.shape[2] != weight.shape[3]:
        msg = f"The weights are {list(weight.shape)}; expected [O, C, K, K], none of 0."
        raise UsageError(msg)
    out, channels, size, _ = weight.shape
    if bias.shape != (out,):
        msg = f"The bias is {list(bias.shape)}; expected [{out}], as many as weights."
        raise UsageError(msg)
    if dtype == "bfloat16" and channels % 2:
        msg = f"bfloat16 takes channels in pairs; this layer has {channels}."
        raise UsageError(msg)
    panels = -(-out // library.panel)
    taps = np.zeros((panels * library.panel, size**2, channels), np.float32)
    taps[:out] = weight.transpose(0, 2, 3, 1).reshape(out, size**2, channels)
    panel = taps.reshape(panels, library.panel, size**2, channels)
    ordered = panel.transpose(0, 2, 3, 1)
    if dtype == "bfloat16":
        pairs = to_bfloat16(ordered)
        pairs = pairs.reshape(panels, size**2, channels // 2, 2, library.panel)
        ordered = pairs.swapaxes(3, 4)
    bias = np.pad(np.asarray(bias, np.float32), (0, panels * library.panel - out))
    sizes = (channels, out, size, library.panel)
    return Packed(aligned(ordered), aligned(bias), dtype, *sizes)


def to_bfloat16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Bits of the nearest bfloat16, ties to even; a NaN stays one."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    kept = np.where(np.isnan(values), bits | np.uint32(0x400000), rounded)
    return (kept >> np.uint32(16)).astype(np.uint16)


def from_bfloat16(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The float32 of bfloat16 bits; exact."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
