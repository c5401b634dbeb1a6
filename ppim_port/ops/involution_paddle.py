"""Involution in Paddle, as an op and as a layer; mirrors `involution_torch.py`.

The unfolded input is never built: it would be K*K times the input (49 times in
RedNet) and is what makes the published forms slow. On the CPU our C++ kernel runs
where it is installed; otherwise, and in float64, taps are shifted views (numpy's where
no gradient is asked for, see `involution_shift.py`): the float64 nets are the oracle,
which must not share code with what it judges.
"""

from __future__ import annotations

from typing import Literal

import paddle
from paddle import nn
from paddle.nn import functional as F

from ppim_port import native
from ppim_port.ops import involution_shift


def involution(
    x: paddle.Tensor,
    weight: paddle.Tensor,
    *,
    kernel_size: int,
    stride: int = 1,
    dilation: int = 1,
) -> paddle.Tensor:
    """Weigh each position's neighbourhood by that position's own kernel.

    Differentiable in both arguments. Formula: arXiv 2103.06255, equation 4.

    Args:
        x: input, `[N, C, H, W]`, floating point.
        weight: kernels, `[N, G, K*K, H', W']` with `H' = ceil(H / stride)`.
        kernel_size: K, odd.
        stride: step between output positions, in input pixels.
        dilation: step between the taps of one kernel, in input pixels.

    Returns:
        `[N, C, H', W']` in the dtype of `x`.
    """
    window = {"kernel_size": kernel_size, "stride": stride, "dilation": dilation}
    how = form(x, weight)
    if how == "native":
        from ppim_port.ops import native_paddle

        return native_paddle.involution(x, weight, **window)
    if how == "numpy":
        return paddle.to_tensor(
            involution_shift.involution(x.numpy(), weight.numpy(), **window)
        )
    return involution_by_shifts(x, weight, kernel_size, stride, dilation)


def form(
    x: paddle.Tensor, weight: paddle.Tensor
) -> Literal["native", "numpy", "shift"]:
    """Which implementation takes these tensors."""
    if not paddle.in_dynamic_mode() or not x.place.is_cpu_place():
        return "shift"
    if x.dtype == paddle.float32 and native.available():
        return "native"
    needs_grad = not (x.stop_gradient and weight.stop_gradient)
    return "shift" if needs_grad and paddle.is_grad_enabled() else "numpy"


def involution_by_shifts(
    x: paddle.Tensor,
    weight: paddle.Tensor,
    kernel_size: int,
    stride: int,
    dilation: int,
) -> paddle.Tensor:
    """The same in Paddle's own operators, for every place and dtype."""
    groups, _, height, width = weight.shape[1:]
    reach = dilation * (kernel_size - 1) // 2
    padded = F.pad(x, [reach, reach, reach, reach])
    padded = padded.reshape([0, groups, -1, *padded.shape[2:]])
    rows = stride * (height - 1) + 1
    columns = stride * (width - 1) + 1
    out = paddle.zeros([1], dtype=x.dtype)
    for tap in range(kernel_size**2):
        i, j = (dilation * step for step in divmod(tap, kernel_size))
        view = padded[..., i : i + rows : stride, j : j + columns : stride]
        out = out + weight[:, :, tap].unsqueeze(2) * view
    return out.flatten(1, 2)


class ConvModule(nn.Layer):
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
        self.conv = nn.Conv2D(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            bias_attr=None if bias else False,
        )
        self.bn = None if bias else nn.BatchNorm2D(out_channels)
        self.activate = nn.ReLU()

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """`[N, in, H, W]` to `[N, out, H', W']`."""
        x = self.conv(x)
        return x if self.bn is None else self.activate(self.bn(x))


class Involution(nn.Layer):
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
        self.avgpool = nn.AvgPool2D(stride, stride) if stride > 1 else nn.Identity()

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
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
