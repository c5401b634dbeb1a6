"""Involution on a GPU by Triton kernels: torch tensors in and out, differentiable.

The same op as `involution_torch.py`, in any of float32, bfloat16 and float16 (float64
too, for checks), in both memory formats, with sums in float32. Kernels write every
element once and add in a fixed order, so results have the same bits on every run.
Importing this file needs the extra `gpu`; where Triton is missing the import fails.

The ops are registered with PyTorch, so `torch.compile` and `torch.export` keep them
whole. They differentiate once: a second derivative raises.
"""

from __future__ import annotations

from typing import Any

import torch

from ppim_port.ops.triton import launch
from ppim_port.ops.triton.sizes import Sizes, sizes_of


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
        x: input, `[N, C, H, W]`, floating point, on a GPU; any strides.
        weight: kernels, `[N, G, K*K, H', W']` with `H' = ceil(H / stride)`.
        kernel_size: K, odd.
        stride: step between output positions, in input pixels.
        dilation: step between the taps of one kernel, in input pixels.

    Returns:
        `[N, C, H', W']` in the dtype and memory format of `x`.

    Raises:
        InputError: shapes, dtypes or devices that do not fit.
        UsageError: sizes that no involution has, or tensors on the CPU.
    """
    sizes_of(
        x.shape,
        weight.shape,
        kernel_size=kernel_size,
        stride=stride,
        dilation=dilation,
    )
    out: torch.Tensor = _forward(x, weight, kernel_size, stride, dilation)
    return out


@torch.library.custom_op("ppim_port::involution_triton", mutates_args=())
def _forward(
    x: torch.Tensor, weight: torch.Tensor, kernel_size: int, stride: int, dilation: int
) -> torch.Tensor:
    sizes = _sizes(x, weight, kernel_size, stride, dilation)
    return launch.forward(x, weight, sizes)


@torch.library.custom_op("ppim_port::involution_triton_backward", mutates_args=())
def _backward(
    x: torch.Tensor,
    weight: torch.Tensor,
    upstream: torch.Tensor,
    kernel_size: int,
    stride: int,
    dilation: int,
    wanted: list[bool],
) -> list[torch.Tensor]:
    sizes = _sizes(x, weight, kernel_size, stride, dilation)
    grads = []
    if wanted[0]:
        grads.append(launch.backward_input(weight, upstream, x, sizes))
    if wanted[1]:
        grads.append(launch.backward_weight(x, upstream, weight, sizes))
    return grads


def _sizes(x: torch.Tensor, weight: torch.Tensor, k: int, s: int, d: int) -> Sizes:
    return sizes_of(x.shape, weight.shape, kernel_size=k, stride=s, dilation=d)


@_forward.register_fake
def _(
    x: torch.Tensor, weight: torch.Tensor, kernel_size: int, stride: int, dilation: int
) -> torch.Tensor:
    return launch.like(x, _sizes(x, weight, kernel_size, stride, dilation))


@_backward.register_fake
def _(
    x: torch.Tensor,
    weight: torch.Tensor,
    upstream: torch.Tensor,
    kernel_size: int,
    stride: int,
    dilation: int,
    wanted: list[bool],
) -> list[torch.Tensor]:
    pairs = zip((x, weight), wanted, strict=True)
    return [torch.empty_like(tensor) for tensor, is_wanted in pairs if is_wanted]


def _remember(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    x, weight, *ctx.settings = inputs
    ctx.save_for_backward(x, weight)


def _differentiate(ctx: Any, upstream: torch.Tensor) -> tuple[Any, ...]:
    wanted = list(ctx.needs_input_grad[:2])
    grads = iter(_backward(*ctx.saved_tensors, upstream, *ctx.settings, wanted))
    found = (next(grads) if is_wanted else None for is_wanted in wanted)
    return (*found, None, None, None)


_forward.register_autograd(_differentiate, setup_context=_remember)
