"""Launching the form that makes its kernels on the spot, after checking the generator.

The product is done in full float32 for float32 features (no tensor cores), so that
the fused form is no less exact than the plain one; 16-bit features use tensor cores.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton

from ppim_port.errors import InputError
from ppim_port.ops.triton.generated import involution_generated
from ppim_port.ops.triton.launch import launch, like
from ppim_port.ops.triton.sizes import Sizes, check_tensors
from ppim_port.ops.triton.tuning import interpreted

# ROWS (always 1 here), BLOCK and warps.
CANDIDATES = ((1, 64, 2), (1, 64, 4), (1, 128, 4), (1, 32, 2), (1, 128, 8))
# Taps made at a time: the narrowest product that tensor cores have.
TAPS = 8
# Features held by a program, and the fewest that a product takes.
MOST_REDUCED, LEAST_REDUCED = 128, 16


@dataclass(frozen=True, slots=True)
class Generator:
    """A 1x1 convolution, and what it is applied to.

    Attributes:
        features: `[N, R, H', W']`.
        matrix: `[G*K*K, R]`, of the same dtype.
        bias: `[G*K*K]`.
    """

    features: torch.Tensor
    matrix: torch.Tensor
    bias: torch.Tensor


def generated(
    x: torch.Tensor,
    generator: Generator,
    sizes: Sizes,
    *,
    affine: tuple[torch.Tensor, torch.Tensor] | None,
    relu: bool,
) -> torch.Tensor:
    """The involution of `x` by kernels that the generator makes.

    Args:
        x: `[N, C, H, W]`.
        generator: of the kernels.
        sizes: of the involution.
        affine: scale and shift of the result's channels, `[C]` each.
        relu: whether negative results become 0.

    Returns:
        `[N, C, H', W']` in the dtype and memory format of `x`.

    Raises:
        InputError: a generator that does not fit the sizes, or itself.
    """
    features, matrix, bias = generator.features, generator.matrix, generator.bias
    _check(generator, sizes)
    out = like(x, sizes)
    scale, shift = affine or (out, out)
    check_tensors(x, features, matrix, bias, scale, shift, out)
    reduced = max(triton.next_power_of_2(matrix.shape[1]), LEAST_REDUCED)
    launch(
        involution_generated,
        (x, features, matrix, bias, scale, shift, out),
        sizes,
        lanes=lambda _: sizes.out_height * sizes.out_width,
        strides=(*x.stride(), *features.stride(), *matrix.stride(), *out.stride()),
        candidates=CANDIDATES,
        REDUCED=matrix.shape[1],
        BLOCK_REDUCED=min(reduced, MOST_REDUCED),
        TAPS=TAPS,
        PRECISION="ieee",
        # Triton 3.7.1's interpreter multiplies bfloat16 matrices as if integers.
        WIDEN=interpreted() and features.dtype == torch.bfloat16,
        AFFINE=affine is not None,
        RELU=relu,
    )
    return out


def _check(generator: Generator, sizes: Sizes) -> None:
    features, matrix, bias = generator.features, generator.matrix, generator.bias
    rows = sizes.groups * sizes.kernel_size**2
    fits = matrix.shape == (rows, features.shape[1]) and bias.shape == (rows,)
    if fits and matrix.dtype == features.dtype:
        return
    message = (
        f"involution: features {list(features.shape)} of {features.dtype}, matrix "
        f"{list(matrix.shape)} of {matrix.dtype}, bias {list(bias.shape)}. Expected a "
        f"matrix of {[rows, features.shape[1]]} in the features' dtype and a bias of "
        f"{[rows]}. Nothing was computed."
    )
    raise InputError(message)
