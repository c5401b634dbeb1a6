"""Switchable atrous convolution in Paddle; mirrors `saconv_torch.py`.

`ConvAWS2d` and `SAConv2d` of DetectoRS (arXiv 2006.02334), with the keys of the
authors' code. Deformable convolution, which that code can put into both branches, is
not here: it needs an operator that neither framework runs alike.
"""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from ppim_port.ops.saconv_numpy import (
    ATROUS_RATE,
    EPSILON,
    SWITCH_REACH,
    SWITCH_WINDOW,
    adopted,
)
from ppim_port.ops.saconv_shapes import check_bias, check_filters, check_map
from ppim_port.state_dict import Array


def _number(layer: nn.Layer, name: str, shape: list[int], value: float) -> None:
    layer.register_buffer(name, paddle.full(shape, value))


def _zeros(like: paddle.Tensor) -> paddle.Tensor:
    return paddle.create_parameter(
        like.shape, like.dtype, default_initializer=nn.initializer.Constant(0.0)
    )


def _put(tensor: paddle.Tensor, value: Array | float) -> None:
    filled = np.broadcast_to(np.asarray(value), tensor.shape)
    tensor.set_value(filled.astype(_array(tensor).dtype))


def _array(tensor: paddle.Tensor) -> Array:
    return tensor.numpy()


def _convolve(
    layer: nn.Conv2D, x: paddle.Tensor, weight: paddle.Tensor, rate: int = 1
) -> paddle.Tensor:
    """The layer's convolution with other filters, its taps `rate` times as far."""
    padding = [rate * n for n in layer._updated_padding]
    dilation = [rate * n for n in layer._dilation]
    return F.conv2d(
        x, weight, layer.bias, layer._stride, padding, dilation, layer._groups
    )


def _average(x: paddle.Tensor) -> paddle.Tensor:
    """Of each window that fits: `[N, C, H, W]` to `[N, C, H - 4, W - 4]`.

    By shifted sums: the gradient of Paddle's pooling divides in float32 even in float64
    (paddlepaddle 3.3.1 on a CPU: 1e-8 off, where these are exact).
    """
    height, width = (side - SWITCH_WINDOW + 1 for side in x.shape[2:])
    rows = paddle.zeros([1], dtype=x.dtype)
    for step in range(SWITCH_WINDOW):
        rows = rows + x[:, :, step : step + height]
    total = paddle.zeros([1], dtype=x.dtype)
    for step in range(SWITCH_WINDOW):
        total = total + rows[..., step : step + width]
    return total / SWITCH_WINDOW**2


class ConvAWS2d(nn.Conv2D):
    """Convolution with adaptive weight standardisation.

    Each filter is brought to mean `weight_beta` and deviation `weight_gamma`, two
    buffers: the moments of the plain convolution that the layer started from.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel_size: of a filter.
        stride: step between output positions.
        padding: zeros on each side.
        dilation: step between taps.
        groups: blocks of channels that do not see each other.
        bias: whether there is one.

    Raises:
        UsageError: filters of a single number, which have no deviation.
    """

    weight_gamma: paddle.Tensor
    weight_beta: paddle.Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias_attr=None if bias else False,
        )
        check_filters(tuple(self.weight.shape))
        _number(self, "weight_gamma", [out_channels, 1, 1, 1], 1.0)
        _number(self, "weight_beta", [out_channels, 1, 1, 1], 0.0)

    def standardised(self) -> paddle.Tensor:
        """The filters that convolve, `[out, in / groups, kh, kw]`."""
        flat = self.weight.flatten(1)
        centred = flat - flat.mean(1, keepdim=True)
        variance = (centred * centred).sum(1, keepdim=True) / (flat.shape[1] - 1)
        standard = (centred / (variance + EPSILON).sqrt()).reshape(self.weight.shape)
        return self.weight_gamma * standard + self.weight_beta

    def adopt(self, weight: Array, bias: Array | None = None) -> None:
        """Become a plain convolution: its filters, and the moments that they have.

        Args:
            weight: `[out, in / groups, kh, kw]`.
            bias: `[out]`; None if it has none.

        Raises:
            MappingError: another shape than the layer's, or a bias where the layer has
                none; nothing was changed.
        """
        check_filters(tuple(weight.shape), tuple(self.weight.shape))
        check_bias(bias, None if self.bias is None else len(self.bias))
        _put(self.weight, weight)
        if self.bias is not None:
            _put(self.bias, 0.0 if bias is None else bias)
        made = adopted(_array(self.weight))
        _put(self.weight_gamma, made["weight_gamma"])
        _put(self.weight_beta, made["weight_beta"])

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """`[N, in, H, W]` to `[N, out, H', W']`."""
        return _convolve(self, x, self.standardised())


class SAConv2d(ConvAWS2d):
    """Switchable atrous convolution.

    A switch, made from the input around each position, mixes the convolution with one
    whose taps are three times as far and whose filters are `weight_diff` more. Before
    and behind, a global context is added. It starts as the first convolution alone: the
    switch at 1, both contexts and `weight_diff` at 0.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel_size: of a filter.
        stride: step between output positions.
        padding: zeros on each side for the first branch; the second has three times
            as many.
        dilation: of the first branch; the second's is three times as large.
        groups: blocks of channels that do not see each other.
        bias: whether there is one.

    Raises:
        UsageError: filters of a single number, which have no deviation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
        )
        self.weight_diff = _zeros(self.weight)
        self.switch = nn.Conv2D(in_channels, 1, 1, stride)
        self.pre_context = nn.Conv2D(in_channels, in_channels, 1)
        self.post_context = nn.Conv2D(out_channels, out_channels, 1)
        self.start_plain()

    def start_plain(self) -> None:
        """Switch the second branch and both contexts off."""
        _put(self.weight_diff, 0.0)
        for layer in (self.switch, self.pre_context, self.post_context):
            assert layer.bias is not None
            _put(layer.weight, 0.0)
            _put(layer.bias, 1.0 if layer is self.switch else 0.0)

    def adopt(self, weight: Array, bias: Array | None = None) -> None:
        """See `ConvAWS2d.adopt`; the second branch and the contexts go off."""
        super().adopt(weight, bias)
        self.start_plain()

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """`[N, in, H, W]` to `[N, out, H', W']`.

        Raises:
            InputSizeError: a side of under 3 pixels, which cannot be mirrored.
        """
        check_map(x.shape[2], x.shape[3])
        x = x + self.pre_context(x.mean([2, 3], keepdim=True))
        mirrored = F.pad(x, [SWITCH_REACH] * 4, mode="reflect")
        switch = self.switch(_average(mirrored))
        weight = self.standardised()
        near = _convolve(self, x, weight)
        far = _convolve(self, x, weight + self.weight_diff, ATROUS_RATE)
        out = switch * near + (1 - switch) * far
        return out + self.post_context(out.mean([2, 3], keepdim=True))
