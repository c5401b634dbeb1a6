"""The forms of the involution that `benchmarks.gpu` compares: one signature each.

`form(x, weight, kernel_size, stride)`, torch tensors on a GPU, differentiable.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional as F

from benchmarks.gpu_naive import Naive
from ppim_port.ops import involution_triton

Form = Callable[[torch.Tensor, torch.Tensor, int, int], torch.Tensor]


def ours(x: torch.Tensor, weight: torch.Tensor, k: int, stride: int) -> torch.Tensor:
    return involution_triton.involution(x, weight, kernel_size=k, stride=stride)


def unfold(x: torch.Tensor, weight: torch.Tensor, k: int, stride: int) -> torch.Tensor:
    """The official layer: the input K*K times in memory, multiplied and summed."""
    n, groups, taps, height, width = weight.shape
    columns = F.unfold(x, k, 1, (k - 1) // 2, stride)
    columns = columns.view(n, groups, -1, taps, height, width)
    return (weight.unsqueeze(2) * columns).sum(3).flatten(1, 2)


def naive(x: torch.Tensor, weight: torch.Tensor, k: int, stride: int) -> torch.Tensor:
    out: torch.Tensor = Naive.apply(x, weight, k, stride, 1)
    return out


def shift(x: torch.Tensor, weight: torch.Tensor, k: int, stride: int) -> torch.Tensor:
    """K*K shifted views; what a compiler makes one kernel of."""
    groups, _, height, width = weight.shape[1:]
    reach = (k - 1) // 2
    padded = F.pad(x, (reach,) * 4).unflatten(1, (groups, -1))
    rows, columns = stride * (height - 1) + 1, stride * (width - 1) + 1
    out = padded.new_zeros(())
    for tap in range(k * k):
        i, j = divmod(tap, k)
        view = padded[..., i : i + rows : stride, j : j + columns : stride]
        out = out + weight[:, :, tap].unsqueeze(2) * view
    return out.flatten(1, 2)


def compiled_shift() -> Form:
    # Anew for each shape: after eight of them PyTorch would stop compiling.
    torch.compiler.reset()
    compiled: Form = torch.compile(shift, dynamic=False)
    return compiled


FORMS: dict[str, Callable[[], Form]] = {
    "ours": lambda: ours,
    "unfold": lambda: unfold,
    "one thread an output": lambda: naive,
    "compiled shifts": compiled_shift,
}
