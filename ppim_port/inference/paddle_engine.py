"""Inference by Paddle's own operators; mirrors `torch_engine.py`.

It proves the inference form in float64, and runs it where our C++ kernels do not.
"""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle.nn import functional as F

from ppim_port.inference.layers import Convolution, Convolve, Involution, Involve
from ppim_port.ops.involution_paddle import involution
from ppim_port.state_dict import Array


class PaddleEngine:
    """An engine on Paddle tensors; see `Engine`.

    Args:
        dtype: to run in.
    """

    def __init__(self, dtype: paddle.dtype) -> None:
        self._dtype = dtype

    def convolution(
        self, layer: Convolution, *, first: bool = False, kernels: bool = False
    ) -> Convolve[paddle.Tensor]:
        """See `Engine.convolution`."""
        weight, bias = self._tensor(layer.weight), self._tensor(layer.bias)

        def run(
            x: paddle.Tensor, residual: paddle.Tensor | None = None
        ) -> paddle.Tensor:
            padding = layer.kernel_size // 2
            out = F.conv2d(_nchw(x), weight, bias, layer.stride, padding)
            out = out if residual is None else out + _nchw(residual)
            return _nhwc(F.relu(out) if layer.relu else out)

        return run

    def linear(self, layer: Convolution) -> Callable[[paddle.Tensor], paddle.Tensor]:
        """See `Engine.linear`."""
        run = self.convolution(layer)
        return lambda x: run(x).flatten(1)

    def involution(self, layer: Involution) -> Involve[paddle.Tensor]:
        """See `Engine.involution`."""
        scale, shift = self._tensor(layer.scale), self._tensor(layer.shift)

        def run(x: paddle.Tensor, kernels: paddle.Tensor) -> paddle.Tensor:
            n, h, w, _ = kernels.shape
            taps = layer.kernel_size**2
            weight = _nchw(kernels).reshape([n, layer.groups, taps, h, w])
            out = involution(
                _nchw(x), weight, kernel_size=layer.kernel_size, stride=layer.stride
            )
            return F.relu(_nhwc(out) * scale + shift)

        return run

    def each(
        self, x: paddle.Tensor, call: Callable[[paddle.Tensor], paddle.Tensor]
    ) -> paddle.Tensor:
        """See `Engine.each`; Paddle's operators are as well off with all at once."""
        return call(x)

    def shape(self, x: paddle.Tensor) -> tuple[int, ...]:
        """See `Engine.shape`."""
        return tuple(x.shape)

    def max_pool(self, x: paddle.Tensor) -> paddle.Tensor:
        """See `Engine.max_pool`."""
        return _nhwc(F.max_pool2d(_nchw(x), 3, 2, 1))

    def average_pool(self, x: paddle.Tensor, size: int) -> paddle.Tensor:
        """See `Engine.average_pool`."""
        return _nhwc(F.avg_pool2d(_nchw(x), size))

    def mean(self, x: paddle.Tensor) -> paddle.Tensor:
        """See `Engine.mean`."""
        return x.mean([1, 2], keepdim=True)

    def _tensor(self, array: Array) -> paddle.Tensor:
        return paddle.to_tensor(array, dtype=self._dtype)


def _nchw(x: paddle.Tensor) -> paddle.Tensor:
    return x.transpose([0, 3, 1, 2])


def _nhwc(x: paddle.Tensor) -> paddle.Tensor:
    return x.transpose([0, 2, 3, 1])
