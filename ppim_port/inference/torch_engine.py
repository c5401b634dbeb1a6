"""Inference by PyTorch's own operators, in every dtype and on every device.

It proves the inference form in float64, and runs it where our C++ kernels do not.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional as F

from ppim_port.inference.layers import Convolution, Convolve, Involution, Involve
from ppim_port.ops.involution_torch import involution
from ppim_port.state_dict import Array


class TorchEngine:
    """An engine on torch tensors; see `Engine`.

    Args:
        like: a tensor of the dtype and device to run in.
    """

    def __init__(self, like: torch.Tensor) -> None:
        self._like = like

    def convolution(
        self, layer: Convolution, *, first: bool = False, kernels: bool = False
    ) -> Convolve[torch.Tensor]:
        """See `Engine.convolution`."""
        weight, bias = self._tensor(layer.weight), self._tensor(layer.bias)

        def run(x: torch.Tensor, residual: torch.Tensor | None = None) -> torch.Tensor:
            padding = layer.kernel_size // 2
            out = F.conv2d(_nchw(x), weight, bias, layer.stride, padding)
            out = out if residual is None else out + _nchw(residual)
            return _nhwc(F.relu(out) if layer.relu else out)

        return run

    def linear(self, layer: Convolution) -> Callable[[torch.Tensor], torch.Tensor]:
        """See `Engine.linear`."""
        run = self.convolution(layer)
        return lambda x: run(x).flatten(1)

    def involution(self, layer: Involution) -> Involve[torch.Tensor]:
        """See `Engine.involution`."""
        scale, shift = self._tensor(layer.scale), self._tensor(layer.shift)

        def run(x: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
            n, h, w, _ = kernels.shape
            taps = layer.kernel_size**2
            weight = _nchw(kernels).reshape(n, layer.groups, taps, h, w)
            out = involution(
                _nchw(x), weight, kernel_size=layer.kernel_size, stride=layer.stride
            )
            return F.relu(_nhwc(out) * scale + shift)

        return run

    def each(
        self, x: torch.Tensor, call: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """See `Engine.each`; PyTorch's operators are as well off with all at once."""
        return call(x)

    def shape(self, x: torch.Tensor) -> tuple[int, ...]:
        """See `Engine.shape`."""
        return tuple(x.shape)

    def max_pool(self, x: torch.Tensor) -> torch.Tensor:
        """See `Engine.max_pool`."""
        return _nhwc(F.max_pool2d(_nchw(x), 3, 2, 1))

    def average_pool(self, x: torch.Tensor, size: int) -> torch.Tensor:
        """See `Engine.average_pool`."""
        return _nhwc(F.avg_pool2d(_nchw(x), size))

    def mean(self, x: torch.Tensor) -> torch.Tensor:
        """See `Engine.mean`."""
        return x.mean((1, 2), keepdim=True)

    def _tensor(self, array: Array) -> torch.Tensor:
        return torch.from_numpy(array.copy()).to(self._like)


def _nchw(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 1, 2)


def _nhwc(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1)
