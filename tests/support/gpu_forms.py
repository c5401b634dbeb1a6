"""The involution in plain torch operations: what the GPU kernels are held to."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from tests.support.involutions import Case


def shifted(x: torch.Tensor, weight: torch.Tensor, case: Case) -> torch.Tensor:
    """The involution by shifted views; autograd differentiates it."""
    groups, _, height, width = weight.shape[1:]
    reach = case.dilation * (case.kernel_size - 1) // 2
    padded = F.pad(x, (reach, reach, reach, reach)).unflatten(1, (groups, -1))
    rows, columns = (case.stride * (size - 1) + 1 for size in (height, width))
    out = torch.zeros((), dtype=x.dtype)
    for tap in range(case.kernel_size**2):
        i, j = (case.dilation * step for step in divmod(tap, case.kernel_size))
        view = padded[..., i : i + rows : case.stride, j : j + columns : case.stride]
        out = out + weight[:, :, tap].unsqueeze(2) * view
    return out.flatten(1, 2)


def gradients(
    x: torch.Tensor, weight: torch.Tensor, upstream: torch.Tensor, case: Case
) -> tuple[torch.Tensor, ...]:
    """Output and both gradients in float64, by the form above."""
    x, weight = (a.detach().double().requires_grad_() for a in (x, weight))
    out = shifted(x, weight, case)
    return (out.detach(), *torch.autograd.grad(out, (x, weight), upstream.double()))


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, of the largest expected value."""
    assert found.shape == expected.shape
    largest = expected.abs().max()
    return ((found.double() - expected).abs().max() / largest).item()
