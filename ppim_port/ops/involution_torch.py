"""Involution in PyTorch, as an op and as a layer; mirrors `involution_paddle.py`.

The unfolded input is never built: it would be K*K times the input (49 times in
RedNet) and is what makes the published forms slow. Our C++ kernel runs on the CPU and
our Triton kernels on a GPU, where they are installed; otherwise, and in float64, taps
are shifted views: the float64 nets are the oracle, which must not share code with what
it judges.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from ppim_port import native
from ppim_port.ops import native_torch

# Constants, so that `torch.compile` does not trace how they are found out.
NATIVE = native.available()
TRITON = find_spec("triton") is not None


def involution(
    x: torch.Tensor,
    weight: torch.Tensor,
    *,
    kernel_size: int,
    stride: int = 1,
    dilation: int = 1,
) -> torch.Tensor:
    """Weigh each position's neighbourhood by that position's own kernel.

    Differentiable in both arguments. Formula: arXiv 2103.06255, equation 4.

    Args:
        x: input, `[N, C, H, W]`, floating point.
        weight: kernels, `[N, G, K*K, H', W']` with `H' = ceil(H / stride)`.
        kernel_size: K, odd.
        stride: step between output positions, in input pixels.
        dilation: step between the taps of one kernel, in input pixels.

    Returns:
        `[N, C, H', W']` in the dtype of `x`; strides depend on the implementation.
    """
    how = form(x)
    if how == "native":
        # Autocast leaves a float32 input beside reduced kernels; widening is exact.
        weight = weight.to(torch.promote_types(x.dtype, weight.dtype))
        return native_torch.involution(x, weight, kernel_size, stride, dilation)
    if how == "triton":
        from ppim_port.ops import involution_triton

        return involution_triton.involution(
            x, weight, kernel_size=kernel_size, stride=stride, dilation=dilation
        )
    return involution_by_shifts(x, weight, kernel_size, stride, dilation)


def form(x: torch.Tensor) -> Literal["native", "triton", "shift"]:
    """Which implementation takes this tensor."""
    if x.device.type == "cpu" and x.dtype in {torch.float32, torch.bfloat16}:
        return "native" if NATIVE else "shift"
    return "triton" if x.device.type == "cuda" and TRITON else "shift"


def involution_by_shifts(
    x: torch.Tensor, weight: torch.Tensor, kernel_size: int, stride: int, dilation: int
) -> torch.Tensor:
    """The same in PyTorch's own operators, for every device and dtype."""
    # One picture at a time keeps the 49 passes over the output in the cache: 1.8
    # times faster than the batch at once in RedNet-26 (2 cores with 1 MiB of L2).
    outputs = [
        _involution_of_one(picture, kernels, kernel_size, stride, dilation)
        for picture, kernels in zip(x, weight, strict=True)
    ]
    return torch.stack(outputs).permute(0, 3, 1, 2)


def _involution_of_one(
    x: torch.Tensor, weight: torch.Tensor, kernel_size: int, stride: int, dilation: int
) -> torch.Tensor:
    groups, _, height, width = weight.shape
    reach = dilation * (kernel_size - 1) // 2
    # Channels last: the channels of a group are then neighbours in memory and share
    # their kernel, so each tap is one vectorised multiply-add.
    padded = F.pad(x.permute(1, 2, 0), (0, 0, reach, reach, reach, reach))
    padded = padded.reshape(*padded.shape[:2], groups, -1)
    kernels = weight.permute(1, 2, 3, 0).unsqueeze(-1).contiguous()
    out = padded.new_zeros((height, width, *padded.shape[2:]))
    rows = stride * (height - 1) + 1
    columns = stride * (width - 1) + 1
    for tap, kernel in enumerate(kernels):
        i, j = (dilation * step for step in divmod(tap, kernel_size))
        out.addcmul_(kernel, padded[i : i + rows : stride, j : j + columns : stride])
    return out.flatten(2)


class ConvModule(nn.Module):
    """Convolution, batch norm, ReLU; without norm and ReLU if `bias` is set."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: int = 1,
        stride: int = 1,
        bias: bool = False,
    ) -> None:
        super().__init__()
        padding = (kernel_size - 1) // 2
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding, bias=bias
        )
        self.bn = None if bias else nn.BatchNorm2d(out_channels)
        self.activate = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[N, in, H, W]` to `[N, out, H', W']`."""
        x = self.conv(x)
        return x if self.bn is None else self.activate(self.bn(x))


class Involution(nn.Module):
    """Involution with the kernel generator of the official RedNet.

    Kernels come from the input itself: (average pool where stride > 1), 1x1
    convolution, batch norm, ReLU, 1x1 convolution with bias.

    Args:
        channels: of input and output.
        kernel_size: K, odd.
        stride: step between output positions; kernels are made on the pooled input.
        group_channels: channels that share a kernel.
        reduction: channels / width of the generator.
        dilation: step between the taps of one kernel.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        stride: int = 1,
        *,
        group_channels: int = 16,
        reduction: int = 4,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.dilation = dilation
        self.groups = channels // group_channels
        reduced = channels // reduction
        self.conv1 = ConvModule(channels, reduced)
        self.conv2 = ConvModule(reduced, kernel_size**2 * self.groups, bias=True)
        self.avgpool = nn.AvgPool2d(stride, stride) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[N, C, H, W]` to `[N, C, H / stride, W / stride]`."""
        weight = self.conv2(self.conv1(self.avgpool(x)))
        n, _, h, w = weight.shape
        weight = weight.reshape(n, self.groups, self.kernel_size**2, h, w)
        return involution(
            x,
            weight,
            kernel_size=self.kernel_size,
            stride=self.stride,
            dilation=self.dilation,
        )
