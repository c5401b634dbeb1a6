"""The C++ involution and its gradients in every instruction set, with their oracles.

Tensors are in the frameworks' layout here, `[N, C, H, W]`; the kernels' is beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st

from ppim_port.native import calls
from ppim_port.native.buffers import Buffer
from ppim_port.native.calls import Affine
from ppim_port.native.geometry import Geometry
from ppim_port.state_dict import Array
from tests.support import involutions
from tests.support.involutions import Case
from tests.support.native import ROUNDING, DType, Guarded, named, stored, values

SIDES = st.integers(1, 8)
SUMMED_IN = {"float32": "float32", "float64": "float64", "bfloat16": "float32"}


@dataclass(frozen=True, slots=True)
class Job:
    """An involution, and what follows it."""

    sizes: Case = field(default_factory=Case)
    dtype: DType = "float32"
    weight_dtype: DType | None = None
    affine: bool = False
    relu: bool = False
    threads: int = 1

    @property
    def kernels(self) -> DType:
        """What the kernels are stored in."""
        return self.weight_dtype or self.dtype

    @property
    def window(self) -> Geometry:
        case = self.sizes
        return Geometry(case.kernel_size, case.stride, case.dilation)


# Group widths of no, one and several registers in each instruction set.
sizes = st.builds(
    Case,
    kernel_size=st.sampled_from((1, 3, 5, 7)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
    groups=st.integers(1, 3),
    group_channels=st.sampled_from((1, 2, 3, 4, 7, 8, 12, 16, 17, 32, 80)),
    batch=st.integers(0, 2),
    height=SIDES,
    width=SIDES,
)
jobs = st.builds(
    Job,
    sizes=sizes,
    dtype=st.sampled_from(("float32", "float64", "bfloat16")),
    affine=st.booleans(),
    relu=st.booleans(),
    threads=st.integers(1, 3),
)


@dataclass(frozen=True, slots=True)
class Tensors:
    """What a job is done with, in the frameworks' layout, as stored."""

    x: Array
    weight: Array
    affine: Affine | None

    def at(self, n: int) -> Tensors:
        """One picture of the batch."""
        one = slice(n, n + 1)
        return replace(self, x=self.x[one], weight=self.weight[one])


def tensors(job: Job, seed: int = 0) -> Tensors:
    x, weight = job.sizes.arrays(seed)
    affine = None
    if job.affine:
        pair = np.random.default_rng(seed).standard_normal((2, x.shape[1]))
        affine = Affine(*pair.astype(np.float32))
    return Tensors(stored(x, job.dtype), stored(weight, job.kernels), affine)


def pixels(x: Array) -> Array:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def taps(weight: Array) -> Array:
    return np.ascontiguousarray(weight.transpose(0, 3, 4, 1, 2))


def run(isa: str, job: Job, given: Tensors, *, threads: int | None = None) -> Array:
    """The kernel's answer, in float64's or its own bits; nothing is written beside."""
    x, weight = pixels(given.x), taps(given.weight)
    out = Guarded((*weight.shape[:3], x.shape[3]), job.dtype)
    calls.involution(
        named(isa),
        Buffer.of(x),
        Buffer.of(weight),
        out.buffer,
        job.window,
        affine=given.affine,
        relu=job.relu,
        threads=job.threads if threads is None else threads,
    )
    assert out.intact()
    return out.array.transpose(0, 3, 1, 2)


def oracle(job: Job, given: Tensors) -> tuple[Array, Array]:
    """The answer in float64, and how far a right one can be from it."""
    x, weight = values(given.x), values(given.weight)
    expected = involutions.oracle(job.sizes, x, weight)
    total = involutions.oracle(job.sizes, abs(x), abs(weight))
    if given.affine is not None:
        scale, shift = (
            part.astype(np.float64)[:, None, None]
            for part in (given.affine.scale, given.affine.shift)
        )
        expected, total = expected * scale + shift, total * abs(scale) + abs(shift)
    expected = np.maximum(expected, 0) if job.relu else expected
    return expected, bound(job, expected, total, job.sizes.kernel_size**2)


def bound(job: Job, expected: Array, total: Array, steps: int) -> Array:
    """Of a sum of `steps` products (Higham, Accuracy and Stability, 4.2), as stored."""
    limit: Array = (steps + 3) * ROUNDING[SUMMED_IN[job.dtype]] * total
    if job.dtype == "bfloat16":
        limit = limit + ROUNDING["bfloat16"] * (abs(expected) + limit)
    return limit


def gradients(isa: str, job: Job, given: Tensors, upstream: Array) -> list[Array]:
    """The kernel's gradients for input and kernels; nothing is written beside them."""
    x, weight = pixels(given.x), taps(given.weight)
    outs = Guarded(x.shape, job.dtype), Guarded(weight.shape, job.dtype)
    calls.involution_gradient(
        named(isa),
        Buffer.of(x),
        Buffer.of(weight),
        Buffer.of(pixels(upstream)),
        (outs[0].buffer, outs[1].buffer),
        job.window,
        threads=job.threads,
    )
    assert outs[0].intact()
    assert outs[1].intact()
    return [
        outs[0].array.transpose(0, 3, 1, 2),
        outs[1].array.transpose(0, 3, 4, 1, 2),
    ]


def autograd(job: Job, x: Array, weight: Array, upstream: Array) -> list[Array]:
    """PyTorch's gradients of the shifted form, in float64."""
    from tests.support.frameworks import involution_torch, torch

    pair = [torch.from_numpy(a.copy()).requires_grad_() for a in (x, weight)]
    case = job.sizes
    out = involution_torch.involution_by_shifts(
        pair[0], pair[1], case.kernel_size, case.stride, case.dilation
    )
    found = torch.autograd.grad(out, pair, torch.from_numpy(upstream.copy()))
    return [gradient.numpy() for gradient in found]
