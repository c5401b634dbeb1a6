"""Involution on a GPU for Paddle tensors, by the Triton kernels, without a copy.

Tensors cross to PyTorch and back through DLPack: both frameworks look at the same
memory, and the kernels run on Paddle's current stream, so nothing waits. It needs a
PyTorch and a Paddle built for the same GPU in one process, and the extra `gpu`; where
PyTorch or Triton is missing the import fails.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import paddle
import torch
from paddle.autograd import PyLayer

from ppim_port.ops.triton import launch
from ppim_port.ops.triton.sizes import Sizes, sizes_of


def involution(
    x: paddle.Tensor,
    weight: paddle.Tensor,
    *,
    kernel_size: int,
    stride: int = 1,
    dilation: int = 1,
) -> paddle.Tensor:
    """Weigh each position's neighbourhood by that position's own kernel.

    Differentiable, once, in both arguments. Formula: arXiv 2103.06255, equation 4.

    Args:
        x: input, `[N, C, H, W]`, floating point, on a GPU.
        weight: kernels, `[N, G, K*K, H', W']` with `H' = ceil(H / stride)`.
        kernel_size: K, odd.
        stride: step between output positions, in input pixels.
        dilation: step between the taps of one kernel, in input pixels.

    Returns:
        `[N, C, H', W']` in the dtype of `x`, contiguous.

    Raises:
        InputError: shapes or dtypes that do not fit.
        UsageError: sizes that no involution has, or tensors on the CPU.
    """
    sizes = sizes_of(
        torch.Size(x.shape),
        torch.Size(weight.shape),
        kernel_size=kernel_size,
        stride=stride,
        dilation=dilation,
    )
    # Paddle leaves it untyped.
    out: paddle.Tensor = _Involution.apply(x, weight, sizes)  # type: ignore[no-untyped-call]
    return out


class _Involution(PyLayer):
    @staticmethod
    def forward(
        ctx: Any, x: paddle.Tensor, weight: paddle.Tensor, sizes: Sizes
    ) -> paddle.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.sizes = sizes
        ctx.wanted = (not x.stop_gradient, not weight.stop_gradient)
        with paddles_stream(x):
            out = launch.forward(to_torch(x), to_torch(weight), sizes)
            return to_paddle(out)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        (upstream,) = args
        x, weight = (to_torch(tensor) for tensor in ctx.saved_tensor())
        wants_x, wants_weight = ctx.wanted
        with paddles_stream(upstream):
            up = to_torch(upstream)
            grad_x = grad_weight = None
            if wants_x:
                grad_x = to_paddle(launch.backward_input(weight, up, x, ctx.sizes))
            if wants_weight:
                grad = launch.backward_weight(x, up, weight, ctx.sizes)
                grad_weight = to_paddle(grad)
        return grad_x, grad_weight


def to_torch(tensor: paddle.Tensor) -> torch.Tensor:
    """The same memory as a PyTorch tensor, without its gradient."""
    return torch.utils.dlpack.from_dlpack(tensor.detach())


def to_paddle(tensor: torch.Tensor) -> paddle.Tensor:
    """The same memory as a Paddle tensor; a copy where it is not contiguous."""
    # Paddle reads strided tensors, but many of its kernels copy them each time.
    contiguous: Any = tensor.contiguous()
    return paddle.utils.dlpack.from_dlpack(contiguous)


def paddles_stream(tensor: paddle.Tensor) -> AbstractContextManager[Any]:
    """While it is open PyTorch, and so Triton, launches on Paddle's current stream."""
    if not tensor.place.is_gpu_place():
        return nullcontext()
    device = tensor.place.gpu_device_id()
    stream: Any = paddle.device.current_stream(paddle.CUDAPlace(device)).stream_base
    external: Any = torch.cuda.ExternalStream
    return torch.cuda.stream(external(stream.cuda_stream, device=device))
