"""Involution on a GPU with its neighbours fused in, for inference, by Triton kernels.

Two forms: the batch norm and ReLU that follow are applied before the result is
stored, and, further, the kernels are made from the generator's features on the spot,
so that they never reach memory. Gradients are refused rather than left out.
"""

from __future__ import annotations

import torch

from ppim_port.errors import InputError, UsageError
from ppim_port.ops.triton import launch
from ppim_port.ops.triton.generate import Generator, generated
from ppim_port.ops.triton.sizes import Sizes, sizes_of


def involution_affine(
    x: torch.Tensor,
    weight: torch.Tensor,
    scale: torch.Tensor,
    shift: torch.Tensor,
    *,
    kernel_size: int,
    stride: int = 1,
    dilation: int = 1,
    relu: bool = True,
) -> torch.Tensor:
    """The involution and the batch norm and ReLU that follow it, in one pass.

    A batch norm in evaluation is a scale and a shift of each channel:
    `scale = weight / sqrt(running_var + eps)`, `shift = bias - running_mean * scale`.
    For inference: gradients are refused rather than left out.

    Args:
        x: input, `[N, C, H, W]`.
        weight: kernels, `[N, G, K*K, H', W']`.
        scale: factor of each channel of the result, `[C]`.
        shift: added to each channel after that, `[C]`.
        kernel_size: K, odd.
        stride: step between output positions, in input pixels.
        dilation: step between the taps of one kernel, in input pixels.
        relu: whether negative results become 0.

    Returns:
        `[N, C, H', W']` in the dtype and memory format of `x`.

    Raises:
        InputError: shapes, dtypes or devices that do not fit.
        UsageError: gradients are wanted, or what `involution` refuses.
    """
    _refuse_gradients(x, weight, scale, shift)
    sizes = sizes_of(
        x.shape,
        weight.shape,
        kernel_size=kernel_size,
        stride=stride,
        dilation=dilation,
    )
    affine = (_of_channels(scale, sizes), _of_channels(shift, sizes))
    return launch.forward(x, weight, sizes, affine=affine, relu=relu)


def involution_generated(
    x: torch.Tensor,
    features: torch.Tensor,
    matrix: torch.Tensor,
    bias: torch.Tensor,
    *,
    kernel_size: int,
    stride: int = 1,
    dilation: int = 1,
    scale: torch.Tensor | None = None,
    shift: torch.Tensor | None = None,
    relu: bool = False,
) -> torch.Tensor:
    """The generator's last 1x1 convolution, the involution, batch norm and ReLU.

    Equal to `involution_affine(x, conv2d(features, matrix, bias), ...)` but for
    rounding: the kernels stay in float32 here, whatever the dtype of the features.

    Args:
        x: input, `[N, C, H, W]`.
        features: what the convolution takes, `[N, R, H', W']`.
        matrix: its weight, `[G*K*K, R]` or `[G*K*K, R, 1, 1]`, dtype of `features`.
        bias: its bias, `[G*K*K]`.
        kernel_size: K, odd.
        stride: step between output positions, in input pixels.
        dilation: step between the taps of one kernel, in input pixels.
        scale: factor of each channel of the result, `[C]`; None is 1.
        shift: added to each channel after that, `[C]`; None is 0.
        relu: whether negative results become 0.

    Returns:
        `[N, C, H', W']` in the dtype and memory format of `x`.

    Raises:
        InputError: shapes, dtypes or devices that do not fit.
        UsageError: gradients are wanted, or what `involution` refuses.
    """
    affine = [values for values in (scale, shift) if values is not None]
    _refuse_gradients(x, features, matrix, bias, *affine)
    matrix = matrix.flatten(1)
    n, _, *sides = features.shape
    made = torch.Size((n, matrix.shape[0] // kernel_size**2, kernel_size**2, *sides))
    sizes = sizes_of(
        x.shape, made, kernel_size=kernel_size, stride=stride, dilation=dilation
    )
    generator = Generator(features, matrix, bias.contiguous())
    if not affine:
        return generated(x, generator, sizes, affine=None, relu=relu)
    ones = torch.ones(sizes.channels, dtype=torch.float32, device=x.device)
    pair = (
        ones if scale is None else _of_channels(scale, sizes),
        torch.zeros_like(ones) if shift is None else _of_channels(shift, sizes),
    )
    return generated(x, generator, sizes, affine=pair, relu=relu)


def _refuse_gradients(*tensors: torch.Tensor) -> None:
    """Accept tensors that nobody differentiates.

    Raises:
        UsageError: a gradient is recorded and wanted.
    """
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        message = (
            "involution: the fused forms are for inference and have no gradient. "
            "Run them under torch.no_grad(), or use involution() and the layers."
        )
        raise UsageError(message)


def _of_channels(values: torch.Tensor, sizes: Sizes) -> torch.Tensor:
    if values.shape != (sizes.channels,):
        message = (
            f"involution: a scale or shift of {list(values.shape)}. Expected one "
            f"value for each of the {sizes.channels} channels."
        )
        raise InputError(message)
    return values.contiguous()
