"""The C++ kernels as functions on buffers: shapes in, sizes checked, results written.

A `Buffer` is dense, channels-last memory of numpy, torch or Paddle alike. Outputs are
written whole, and only after every check has passed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ppim_port.errors import UsageError
from ppim_port.native import library as native
from ppim_port.native.library import Buffer, Library, expect
from ppim_port.native.packing import Packed


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a window moves over an input.

    Attributes:
        kernel_size: height and width of the window.
        stride: step between output positions.
        dilation: step between the taps of a window.
        padding: positions added on each side; involutions pad by their reach.
    """

    kernel_size: int
    stride: int = 1
    dilation: int = 1
    padding: int = 0

    def out(self, size: int) -> int:
        """Output positions along an axis with `size` input positions."""
        reach = self.dilation * (self.kernel_size - 1) + 1
        return (size + 2 * self.padding - reach) // self.stride + 1


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
        UsageError: a buffer does not fit.
    """
    n, h, w, c = x.shape
    window = Geometry(layer.kernel_size, stride, padding=padding)
    expect("the input", x, (n, h, w, layer.channels), layer.dtype)
    shape = (n, window.out(h), window.out(w), layer.out_channels)
    _expect_type(out, ("float32", "bfloat16"))
    expect("the output", out, shape, out.dtype)
    if residual:
        expect("the residual", residual, shape, out.dtype)
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
        weight: `[N, H', W', G, K*K]`, in the dtype of `x`.
        out: `[N, H', W', C]`, in the dtype of `x`.
        window: kernel size, stride, dilation.
        affine: applied to the result.
        relu: applied last.
        threads: to split the rows of the output over.

    Raises:
        UsageError: a buffer does not fit.
    """
    sizes = _involution_sizes(x, weight, window)
    expect("the output", out, (*weight.shape[:3], x.shape[3]), x.dtype)
    if affine and not affine.scale.shape == affine.shift.shape == x.shape[3:]:
        msg = f"scale and shift must have {x.shape[3]} channels. Nothing was computed."
        raise UsageError(msg)
    arguments = native.InvolutionArguments(
        x.pointer,
        weight.pointer,
        affine.scale.ctypes.data if affine else None,
        affine.shift.ctypes.data if affine else None,
        out.pointer,
        *sizes,
        *(native.TYPES[x.dtype], relu, threads),
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
    sizes = _involution_sizes(x, weight, window)
    expect("the gradient", gradient, (*weight.shape[:3], x.shape[3]), x.dtype)
    expect("the input's gradient", gradients[0], x.shape, x.dtype)
    expect("the kernels' gradient", gradients[1], weight.shape, x.dtype)
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
        window: square; an average takes no padding.
        average: else the maximum.

    Raises:
        UsageError: a buffer does not fit.
    """
    n, h, w, c = x.shape
    _expect_type(x, ("float32", "bfloat16"))
    if average and window.padding:
        msg = "An average over a padded window is not supported. Nothing was computed."
        raise UsageError(msg)
    expect("the output", out, (n, window.out(h), window.out(w), c), x.dtype)
    arguments = native.PoolArguments(
        *(x.pointer, out.pointer),
        *(n, h, w, c, out.shape[1], out.shape[2]),
        *(window.kernel_size, window.stride, window.padding),
        *(native.TYPES[x.dtype], average),
    )
    library.run("pool", arguments)


def _involution_sizes(x: Buffer, weight: Buffer, window: Geometry) -> tuple[int, ...]:
    n, h, w, c = x.shape
    groups, size = weight.shape[3], window.kernel_size
    if size % 2 == 0 or groups < 1 or c % groups:
        msg = (
            f"{c} channels in {groups} groups with a kernel of {size}: the size must "
            "be odd and the groups equal. Nothing was computed."
        )
        raise UsageError(msg)
    out_h, out_w = -(-h // window.stride), -(-w // window.stride)
    expect("the kernels", weight, (n, out_h, out_w, groups, size**2), x.dtype)
    return (n, h, w, c, groups, out_h, out_w, size, window.stride, window.dilation)


def _expect_type(buffer: Buffer, types: tuple[str, ...]) -> None:
    if buffer.dtype not in types:
        msg = (
            f"Expected {' or '.join(types)}, got {buffer.dtype}. Nothing was computed."
        )
        raise UsageError(msg)
