"""The C++ involution as a differentiable Paddle layer; mirrors `native_torch.py`.

Tensors go through numpy, so only eager tensors on the CPU are taken. Shapes are checked
before C++ sees them.
"""

from __future__ import annotations

from typing import Any

import paddle
from paddle.autograd import PyLayer

from ppim_port.ops import involution_native


class _Involution(PyLayer):
    @staticmethod
    def forward(
        ctx: Any, x: paddle.Tensor, weight: paddle.Tensor, window: dict[str, int]
    ) -> paddle.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.window = window
        out = involution_native.involution(x.numpy(), weight.numpy(), **window)
        return paddle.to_tensor(out)

    @staticmethod
    def backward(ctx: Any, gradient: paddle.Tensor) -> Any:
        x, weight = ctx.saved_tensor()
        found = involution_native.gradients(
            gradient.numpy(), x.numpy(), weight.numpy(), **ctx.window
        )
        # Paddle insists on None for what needs no gradient.
        return tuple(
            None if tensor.stop_gradient else paddle.to_tensor(value)
            for tensor, value in zip((x, weight), found, strict=True)
        )


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
        x: input, `[N, C, H, W]`, float32 or float64, on the CPU.
        weight: kernels, `[N, G, K*K, H', W']` with `H' = ceil(H / stride)`.
        kernel_size: K, odd.
        stride: step between output positions, in input pixels.
        dilation: step between the taps of one kernel, in input pixels.

    Returns:
        `[N, C, H', W']` in the dtype of `x`.

    Raises:
        UsageError: the kernels were not built, or shapes or dtypes do not fit.
    """
    window = {"kernel_size": kernel_size, "stride": stride, "dilation": dilation}
    out: paddle.Tensor = _Involution.apply(x, weight, window)  # type: ignore[no-untyped-call]
    return out
