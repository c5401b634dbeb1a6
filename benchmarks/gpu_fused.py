"""The steps around an involution in inference, apart and fused, to be timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch.nn import functional as F

from benchmarks import gpu_traffic
from benchmarks.gpu_traffic import Shape
from ppim_port.ops.involution_triton import involution
from ppim_port.ops.involution_triton_fused import (
    involution_affine,
    involution_generated,
)

Step = tuple[str, int, Callable[[], torch.Tensor]]


def steps(shape: Shape, batch: int, inputs: tuple[torch.Tensor, ...]) -> Iterator[Step]:
    """Name, elements that must move, and the work, of each way to do the same."""
    x, weight, _ = (tensor.detach() for tensor in inputs)
    last = x.is_contiguous(memory_format=torch.channels_last)
    features = x.new_empty((batch, shape.reduced, *weight.shape[3:])).normal_()
    if last:
        features = features.contiguous(memory_format=torch.channels_last)
    matrix = x.new_empty((weight.shape[1] * weight.shape[2], shape.reduced, 1, 1))
    matrix = matrix.normal_()
    bias = x.new_zeros(len(matrix))
    ones = torch.ones(shape.channels, device=x.device)
    sizes = {"kernel_size": shape.kernel_size, "stride": shape.stride}

    def tail(out: torch.Tensor) -> torch.Tensor:
        # A variance that the epsilon completes to 1.
        return F.relu(F.batch_norm(out, 0 * ones, ones - 1e-5, ones, 0 * ones))

    def made() -> torch.Tensor:
        return F.conv2d(features, matrix, bias).unflatten(1, weight.shape[1:3])

    unfused = gpu_traffic.unfused_tail(shape, batch)
    ahead = gpu_traffic.forward(shape, batch)
    yield "norm, ReLU apart", unfused, lambda: tail(involution(x, weight, **sizes))
    fused = partial(involution_affine, x, weight, ones, 0 * ones, **sizes)
    yield "norm, ReLU fused", ahead, fused
    elements = gpu_traffic.from_features(shape, batch)
    yield (
        "from features, apart",
        elements,
        lambda: involution_affine(x, made(), ones, 0 * ones, **sizes),
    )
    all_fused = partial(
        involution_generated,
        *(x, features, matrix, bias),
        **sizes,
        scale=ones,
        shift=0 * ones,
        relu=True,
    )
    yield "from features, fused", gpu_traffic.generated(shape, batch), all_fused
