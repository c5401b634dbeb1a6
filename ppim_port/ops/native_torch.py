"""The C++ involution as a PyTorch operator: `torch.ops.ppim_port.involution`.

Registered with the dispatcher, so autograd, fake tensors, `torch.compile` and
`torch.export` see one operator and never look inside. CPU only; tensors of any strides
are taken, channels-last ones without a copy. Shapes are checked before C++ sees them.
"""

from __future__ import annotations

from typing import Any

import torch

from ppim_port.native import calls
from ppim_port.native.buffers import Buffer, expect_axes
from ppim_port.native.geometry import Geometry
from ppim_port.native.library import require

DTYPES = {
    torch.float32: "float32",
    torch.bfloat16: "bfloat16",
    torch.float64: "float64",
}


@torch.library.custom_op("ppim_port::involution", mutates_args=(), device_types="cpu")
def involution(
    x: torch.Tensor,
    weight: torch.Tensor,
    kernel_size: int,
    stride: int = 1,
    dilation: int = 1,
) -> torch.Tensor:
    """Weigh each position's neighbourhood by that position's own kernel.

    Formula: arXiv 2103.06255, equation 4. bfloat16 is summed in float32.

    Args:
        x: input, `[N, C, H, W]`; float32, float64 or bfloat16.
        weight: kernels, `[N, G, K*K, H', W']` with `H' = ceil(H / stride)`.
        kernel_size: K, odd.
        stride: step between output positions, in input pixels.
        dilation: step between the taps of one kernel, in input pixels.

    Returns:
        `[N, C, H', W']`, channels-last in memory, in the dtype of `x`.

    Raises:
        UsageError: the kernels were not built, or shapes or dtypes do not fit.
    """
    pixels, kernels = _channels_last("The input", x), _taps_last(weight)
    out = pixels.new_empty((*kernels.shape[:3], pixels.shape[3]))
    calls.involution(
        require(),
        _buffer(pixels),
        _buffer(kernels),
        _buffer(out),
        Geometry(kernel_size, stride, dilation),
        threads=torch.get_num_threads(),
    )
    return out.permute(0, 3, 1, 2)


@torch.library.custom_op(
    "ppim_port::involution_backward", mutates_args=(), device_types="cpu"
)
def involution_backward(
    gradient: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    kernel_size: int,
    stride: int,
    dilation: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients for `x` and `weight`, given that of the output; see `involution`."""
    pixels, kernels = _channels_last("The input", x), _taps_last(weight)
    for_pixels, for_kernels = torch.empty_like(pixels), torch.empty_like(kernels)
    calls.involution_gradient(
        require(),
        _buffer(pixels),
        _buffer(kernels),
        _buffer(_channels_last("The gradient", gradient)),
        (_buffer(for_pixels), _buffer(for_kernels)),
        Geometry(kernel_size, stride, dilation),
        threads=torch.get_num_threads(),
    )
    return for_pixels.permute(0, 3, 1, 2), for_kernels.permute(0, 3, 4, 1, 2)


@involution.register_fake
def _fake(
    x: torch.Tensor,
    weight: torch.Tensor,
    kernel_size: int,
    stride: int = 1,
    dilation: int = 1,
) -> torch.Tensor:
    n, channels = x.shape[:2]
    out = x.new_empty((n, weight.shape[3], weight.shape[4], channels))
    return out.permute(0, 3, 1, 2)


@involution_backward.register_fake
def _fake_backward(
    gradient: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    kernel_size: int,
    stride: int,
    dilation: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    pixels, kernels = _channels_last("The input", x), _taps_last(weight)
    for_pixels, for_kernels = torch.empty_like(pixels), torch.empty_like(kernels)
    return for_pixels.permute(0, 3, 1, 2), for_kernels.permute(0, 3, 4, 1, 2)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    x, weight, *ctx.window = inputs
    ctx.save_for_backward(x, weight)


def _backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
    x, weight = ctx.saved_tensors
    found = involution_backward(gradient, x, weight, *ctx.window)
    return (*found, None, None, None)


involution.register_autograd(_backward, setup_context=_setup)


def _channels_last(what: str, x: torch.Tensor) -> torch.Tensor:
    expect_axes(what, x.shape, "N C H W")
    return x.permute(0, 2, 3, 1).contiguous()


def _taps_last(weight: torch.Tensor) -> torch.Tensor:
    expect_axes("The kernels", weight.shape, "N G K*K H' W'")
    return weight.permute(0, 3, 4, 1, 2).contiguous()


def _buffer(tensor: torch.Tensor) -> Buffer:
    dtype = DTYPES.get(tensor.dtype, str(tensor.dtype))
    return Buffer(tensor.data_ptr(), tuple(tensor.shape), dtype, tensor)
