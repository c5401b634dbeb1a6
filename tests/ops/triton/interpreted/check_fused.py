"""The fused forms in Triton's interpreter, against the same steps in float64.

Run by `test_interpreted.py` in a process of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from ppim_port.errors import InputError, UsageError
from ppim_port.ops.involution_triton_fused import (
    involution_affine,
    involution_generated,
)
from tests.support.gpu_forms import difference, shifted
from tests.support.involutions import Case

# As in check_involution; two products in a row here.
TOLERANCES = {torch.float64: 5e-15, torch.float32: 2e-6, torch.bfloat16: 2**-6}

CASES = [
    (Case(3, 1, 1, 2, 3, 2, 4, 5), 5),
    (Case(5, 2, 1, 1, 20, 1, 3, 4), 3),
    (Case(3, 2, 2, 2, 4, 1, 5, 4), 16),
    # More features than a program holds at once.
    (Case(3, 1, 1, 1, 2, 1, 3, 3), 140),
]


@dataclass(frozen=True)
class Inputs:
    """What the fused forms take, in float64 or rounded."""

    x: torch.Tensor
    features: torch.Tensor
    matrix: torch.Tensor
    bias: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor

    def to(self, dtype: torch.dtype) -> Inputs:
        cast = (tensor.to(dtype) for tensor in vars(self).values())
        return Inputs(*cast)


def inputs(case: Case, reduced: int) -> Inputs:
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    x, weight = (torch.from_numpy(a) for a in case.arrays())
    rows, channels = case.groups * case.kernel_size**2, x.shape[1]
    return Inputs(
        x,
        noise(case.batch, reduced, *weight.shape[3:]),
        noise(rows, reduced),
        noise(rows),
        noise(channels),
        noise(channels),
    )


def kernels(case: Case, given: Inputs) -> torch.Tensor:
    made = F.conv2d(given.features, given.matrix[..., None, None], given.bias)
    return made.unflatten(1, (case.groups, case.kernel_size**2))


def expected(case: Case, given: Inputs) -> torch.Tensor:
    out = shifted(given.x, kernels(case, given), case)
    return (out * given.scale[:, None, None] + given.shift[:, None, None]).relu()


def sizes(case: Case) -> Any:
    return {
        "kernel_size": case.kernel_size,
        "stride": case.stride,
        "dilation": case.dilation,
    }


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(("case", "reduced"), CASES, ids=str)
def test_generated_kernels_give_the_unfused_result(
    case: Case, reduced: int, dtype: torch.dtype
) -> None:
    given = inputs(case, reduced).to(dtype)
    found = involution_generated(**vars(given), **sizes(case), relu=True)
    assert found.dtype == dtype
    right = expected(case, given.to(torch.float64))
    assert difference(found, right) < TOLERANCES[dtype]


@pytest.mark.parametrize(("case", "_"), CASES[:3], ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_scale_shift_and_relu_are_those_after_the_involution(
    case: Case, _: int, dtype: torch.dtype
) -> None:
    given = inputs(case, 3)
    right = expected(case, given)
    assert (right == 0).any()
    x, weight = given.x.to(dtype), kernels(case, given).to(dtype)
    found = involution_affine(
        x, weight, given.scale.to(dtype), given.shift.to(dtype), **sizes(case)
    )
    assert difference(found, right) < TOLERANCES[dtype]


def test_relu_scale_and_shift_can_be_left_out() -> None:
    case, reduced = CASES[0]
    given = inputs(case, reduced)
    plain = shifted(given.x, kernels(case, given), case)
    four = (given.x, given.features, given.matrix, given.bias)
    out = involution_generated(*four, **sizes(case))
    assert difference(out, plain) < TOLERANCES[torch.float64]
    out = involution_generated(*four, **sizes(case), shift=given.shift)
    shifted_up = plain + given.shift[:, None, None]
    # The ones and zeros that stand in are float32; its unit is exact.
    assert difference(out, shifted_up) < TOLERANCES[torch.float64]
    out = involution_generated(*four, **sizes(case), relu=True)
    assert difference(out, plain.relu()) < TOLERANCES[torch.float64]


def test_channels_last_gives_the_same_and_stays() -> None:
    case, reduced = CASES[0]
    given = inputs(case, reduced).to(torch.float32)
    usual = involution_generated(**vars(given), **sizes(case))
    swapped = {
        **vars(given),
        "x": given.x.to(memory_format=torch.channels_last),
        "features": given.features.to(memory_format=torch.channels_last),
    }
    found = involution_generated(**swapped, **sizes(case))
    assert torch.equal(found, usual)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_a_nan_passes_the_relu() -> None:
    case, _ = CASES[0]
    given = inputs(case, 3).to(torch.float32)
    weight = kernels(case, given)
    given.x[0, 0, 0, 0] = torch.nan
    found = involution_affine(given.x, weight, given.scale, given.shift, kernel_size=3)
    assert found[0, 0, 0, 0].isnan()
    assert not found[1].isnan().any()


def test_gradients_are_refused_and_not_left_out() -> None:
    case, reduced = CASES[0]
    given = inputs(case, reduced)
    given.matrix.requires_grad_()
    with pytest.raises(UsageError, match="for inference and have no gradient"):
        involution_generated(**vars(given), **sizes(case))
    with torch.no_grad():
        involution_generated(**vars(given), **sizes(case))


def test_a_generator_that_does_not_fit_is_refused() -> None:
    case, reduced = CASES[0]
    given = vars(inputs(case, reduced))
    wrong = {**given, "matrix": given["matrix"][:, 1:]}
    with pytest.raises(InputError, match=r"Expected a matrix of \[18, 5\]"):
        involution_generated(**wrong, **sizes(case))
    wrong = {**given, "scale": given["scale"][1:]}
    with pytest.raises(InputError, match="each of the 6 channels"):
        involution_generated(**wrong, **sizes(case))
