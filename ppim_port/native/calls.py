"""The C++ kernels as functions on buffers: shapes in, sizes checked, results written.

A `Buffer` is dense, channels-last memory of numpy, torch or Paddle alike. Outputs are
written whole, and only after every check has passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from ppim_port.errors import UsageError
from ppim_port.native import arguments as native
from ppim_port.native.buffers import Buffer, expect, expect_axes, expect_type
from ppim_port.native.geometry import Geometry
from ppim_port.native.library import Library
from ppim_port.native.packing import Packed

_PIXELS = "N H W C"
_FLOATS = ("float32", "bfloat16")
_BYTES = {"float32": 4, "bfloat16": 2, "float64": 8}


def convolution(
    library: Library,
    x: Buffer,
    layer: Packed,
    out: Buffer,
    *,
    stride: int = 1,
    padding: int = 0,
    residual: Buffer | None = None,
    relu: bool = False,
    threads: int = 1,
) -> None:
    """Convolve, add the bias and a residual, and rectify if asked for.

    Args:
        library: the kernels.
        x: `[N, H, W, C]` in the layer's dtype.
        layer: packed weights.
        out: `[N, H', W', O]`, float32 or bfloat16.
        stride: step between output positions.
        padding: zeros on each side.
        residual: like `out`; may be the same memory.
        relu: whether negative results become zero.
        threads: to split the rows over.

    Raises:
        UsageError: a buffer does not fit, or the weights are packed for other kernels.
    """
    n, h, w, c = expect_axes("The input", x.shape, _PIXELS)
    if layer.panel != library.panel:
        msg = (
            f"The weights are packed in panels of {layer.panel}; {library.isa} takes "
            f"{library.panel}. Nothing was computed."
        )
        raise UsageError(msg)
    window = Geometry(layer.kernel_size, stride, padding=padding)
    expect("The input", x, (n, h, w, layer.channels), layer.dtype)
    shape = (n, window.out(h), window.out(w), layer.out_channels)
    expect_type("The output", out, _FLOATS)
    expect("The output", out, shape, out.dtype)
    if residual:
        expect("The residual", residual, shape, out.dtype)
    arguments = native.ConvolutionArguments(
        x.pointer,
        layer.weight.ctypes.data,
        layer.bias.ctypes.data,
        residual.pointer if residual else None,
        out.pointer,
        *(n, h, w, c),
        *shape[1:],
        *(layer.kernel_size, stride, padding),
        *(native.TYPES[x.dtype], native.TYPES[out.dtype]),
        *(relu, threads),
    )
    library.run("convolution", arguments)


@dataclass(frozen=True, slots=True)
class Affine:
    """Scale and shift of each channel, float32: a batch norm in inference."""

    scale: NDArray[np.float32]
    shift: NDArray[np.float32]

    def expect(self, channels: int) -> None:
        """Refuse what does not fit to a tensor with so many channels."""
        expect("The scale", Buffer.of(self.scale), (channels,), "float32")
        expect("The shift", Buffer.of(self.shift), (channels,), "float32")


def involution(
    library: Library,
    x: Buffer,
    weight: Buffer,
    out: Buffer,
    window: Geometry,
    *,
    affine: Affine | None = None,
    relu: bool = False,
    threads: int = 1,
) -> None:
    """Weigh each position's neighbourhood by its own kernel (arXiv 2103.06255, eq. 4).

    Args:
        library: the kernels.
        x: `[N, H, W, C]`, float32, float64 or bfloat16 (summed in float32).
        weight: `[N, H', W', G, K*K]`, in the dtype of `x`, or float32 where that is
            bfloat16.
        out: `[N, H', W', C]`, in the dtype of `x`.
        window: kernel size, stride, dilation.
        affine: applied to the result.
        relu: applied last.
        threads: to split the rows of the output over.

    Raises:
        UsageError: a buffer does not fit.
    """
    sizes = _involution_sizes(x, weight, window, weight.dtype)
    types = (x.dtype,) if x.dtype != "bfloat16" else (x.dtype, "float32")
    expect_type("The kernels", weight, types)
    expect("The output", out, (*weight.shape[:3], x.shape[3]), x.dtype)
    if affine:
        affine.expect(x.shape[3])
    arguments = native.InvolutionArguments(
        x.pointer,
        weight.pointer,
        affine.scale.ctypes.data if affine else None,
        affine.shift.ctypes.data if affine else None,
        out.pointer,
        *sizes,
        *(native.TYPES[x.dtype], native.TYPES[weight.dtype], relu, threads),
    )
    library.run("involution", arguments)


def involution_gradient(
    library: Library,
    x: Buffer,
    weight: Buffer,
    gradient: Buffer,
    gradients: tuple[Buffer, Buffer],
    window: Geometry,
    *,
    threads: int = 1,
) -> None:
    """Gradients of `involution` for its input and its kernels.

    Args:
        library: the kernels.
        x: as in the forward pass.
        weight: as in the forward pass.
        gradient: of the output, `[N, H', W', C]`.
        gradients: written; like `x` and like `weight`.
        window: as in the forward pass.
        threads: to split groups and pictures over.

    Raises:
        UsageError: a buffer does not fit.
    """
    sizes = _involution_sizes(x, weight, window, x.dtype)
    expect("The gradient", gradient, (*weight.shape[:3], x.shape[3]), x.dtype)
    expect("The input's gradient", gradients[0], x.shape, x.dtype)
    expect("The kernels' gradient", gradients[1], weight.shape, x.dtype)
    arguments = native.InvolutionGradientArguments(
        *(x.pointer, weight.pointer, gradient.pointer),
        *(gradients[0].pointer, gradients[1].pointer),
        *sizes,
        *(native.TYPES[x.dtype], threads),
    )
    library.run("involution_gradient", arguments)


def pool(
    library: Library, x: Buffer, out: Buffer, window: Geometry, *, average: bool
) -> None:
    """Average of each window, or its maximum; float32 or bfloat16.

    Args:
        library: the kernels.
        x: `[N, H, W, C]`.
        out: `[N, H', W', C]`, in the dtype of `x`.
        window: square; an average takes no padding, a maximum up to half of the size.
        average: else the maximum.

    Raises:
        UsageError: a buffer does not fit, or the padding is not supported.
    """
    _, h, w, _ = expect_axes("The input", x.shape, _PIXELS)
    most = 0 if average else window.kernel_size // 2
    if window.padding > most or window.dilation > 1:
        msg = (
            f"{window}: this pool takes a padding of {most} at most, and no dilation. "
            "Nothing was computed."
        )
        raise UsageError(msg)
    sizes = (window.kernel_size, window.kernel_size, window.stride, window.padding)
    _pool(library, x, out, (window.out(h), window.out(w)), sizes, average=average)


def mean(library: Library, x: Buffer, out: Buffer) -> None:
    """Average over all positions; float32 or bfloat16.

    Args:
        library: the kernels.
        x: `[N, H, W, C]`, not without positions.
        out: `[N, 1, 1, C]`, in the dtype of `x`.

    Raises:
        UsageError: a buffer does not fit.
    """
    _, h, w, _ = expect_axes("The input", x.shape, _PIXELS)
    if h * w < 1:
        msg = f"There is no mean over {h} x {w} positions. Nothing was computed."
        raise UsageError(msg)
    _pool(library, x, out, (1, 1), (h, w, 1, 0), average=True)


def copy(library: Library, x: Buffer, out: Buffer) -> None:
    """Copy a tensor, as one of the calls that can be recorded.

    Args:
        library: the kernels.
        x: any shape.
        out: like `x`, and none of its memory.

    Raises:
        UsageError: they are not alike.
    """
    expect("The copy", out, x.shape, x.dtype)
    size = prod(x.shape) * _BYTES[x.dtype]
    library.run("copy", native.CopyArguments(x.pointer, out.pointer, size))


def _pool(
    library: Library,
    x: Buffer,
    out: Buffer,
    positions: tuple[int, int],
    sizes: tuple[int, int, int, int],
    *,
    average: bool,
) -> None:
    expect_type("The input", x, _FLOATS)
    expect("The output", out, (x.shape[0], *positions, x.shape[3]), x.dtype)
    arguments = native.PoolArguments(
        *(x.pointer, out.pointer),
        *(*x.shape, *positions),
        *sizes,
        *(native.TYPES[x.dtype], average),
    )
    library.run("pool", arguments)


def _involution_sizes(
    x: Buffer, weight: Buffer, window: Geometry, dtype: str
) -> tuple[int, ...]:
    n, h, w, c = expect_axes("The input", x.shape, _PIXELS)
    expect_type("The input", x, tuple(native.TYPES))
    groups = expect_axes("The kernels", weight.shape, "N H' W' G K*K")[3]
    size = window.kernel_size
    if size % 2 == 0 or groups < 1 or c % groups:
        msg = (
            f"{c} channels in {groups} groups with a kernel of {size}: the size must "
            "be odd and the groups equal. Nothing was computed."
        )
        raise UsageError(msg)
    out_h, out_w = -(-h // window.stride), -(-w // window.stride)
    expect("The kernels", weight, (n, out_h, out_w, groups, size**2), dtype)
    return (n, h, w, c, groups, out_h, out_w, size, window.stride, window.dilation)
