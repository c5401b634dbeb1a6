"""Every form of the involution behind one call, and inputs for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import pytest

from ppim_port.ops import involution_native, involution_numpy, involution_shift
from ppim_port.state_dict import Array
from tests.support.native import needs_kernels

# As each framework dispatches them, and those that it takes where nothing is built.
Form: TypeAlias = Literal[
    "shift",
    "native",
    "torch",
    "torch grad",
    "torch shift",
    "paddle",
    "paddle grad",
    "paddle shift",
]
FORMS = tuple(
    pytest.param(form, marks=needs_kernels) if form == "native" else form
    for form in get_args(Form)
)


@dataclass(frozen=True, slots=True)
class Case:
    """The sizes of one involution."""

    kernel_size: int = 3
    stride: int = 1
    dilation: int = 1
    groups: int = 2
    group_channels: int = 3
    batch: int = 2
    height: int = 6
    width: int = 7
    dtype: str = "float64"

    def arrays(self, seed: int = 0) -> tuple[Array, Array]:
        """Noise `x` `[N, C, H, W]` and `weight` `[N, G, K*K, H', W']`."""
        rng = np.random.default_rng(seed)
        channels = self.groups * self.group_channels
        taps = self.kernel_size**2
        out = (-(-self.height // self.stride), -(-self.width // self.stride))
        x = rng.standard_normal((self.batch, channels, self.height, self.width))
        weight = rng.standard_normal((self.batch, self.groups, taps, *out))
        return x.astype(self.dtype), weight.astype(self.dtype)


def oracle(case: Case, x: Array, weight: Array) -> Array:
    return involution_numpy.involution(
        x,
        weight,
        kernel_size=case.kernel_size,
        stride=case.stride,
        dilation=case.dilation,
    )


def unfolded(case: Case, x: Array, weight: Array) -> Array:
    """The definition with the unfolded input in full, as the paper draws it."""
    k, reach = case.kernel_size, case.dilation * (case.kernel_size - 1) // 2
    padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    span = case.dilation * (k - 1) + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (span, span), (2, 3))
    steps = (..., slice(None, None, case.dilation), slice(None, None, case.dilation))
    taps = windows[:, :, :: case.stride, :: case.stride][steps]
    n, _, height, width = taps.shape[:4]
    taps = taps.reshape(n, case.groups, -1, height, width, k * k)
    out: Array = np.einsum("ngchwt,ngthw->ngchw", taps, weight)
    return out.reshape(n, -1, height, width)


def run(form: Form, case: Case, x: Array, weight: Array) -> Array:
    """One form's answer."""
    sizes = (case.kernel_size, case.stride, case.dilation)
    if form in {"shift", "native"}:
        k, stride, dilation = sizes
        home = involution_shift if form == "shift" else involution_native
        return home.involution(
            x, weight, kernel_size=k, stride=stride, dilation=dilation
        )
    if form.endswith("shift"):
        return _shifted(form, x, weight, sizes)
    runner = _torch if form.startswith("torch") else _paddle
    return runner(x, weight, sizes, grad=form.endswith("grad"))


def _shifted(form: Form, x: Array, weight: Array, sizes: tuple[int, int, int]) -> Array:
    """A framework's own operators, whatever is built."""
    from tests.support.frameworks import (
        involution_paddle,
        involution_torch,
        paddle,
        torch,
    )

    if form == "torch shift":
        tensors = torch.from_numpy(x), torch.from_numpy(weight)
        out = involution_torch.involution_by_shifts(*tensors, *sizes)
        return out.numpy()
    pair = paddle.to_tensor(x), paddle.to_tensor(weight)
    array: Array = involution_paddle.involution_by_shifts(*pair, *sizes).numpy()
    return array


def _torch(
    x: Array, weight: Array, sizes: tuple[int, int, int], *, grad: bool
) -> Array:
    from tests.support.frameworks import involution_torch, torch

    k, stride, dilation = sizes
    tensor = torch.from_numpy(x).requires_grad_(grad)
    with torch.set_grad_enabled(grad):
        out = involution_torch.involution(
            tensor,
            torch.from_numpy(weight),
            kernel_size=k,
            stride=stride,
            dilation=dilation,
        )
    assert out.requires_grad == grad
    return out.numpy(force=True)


def _paddle(
    x: Array, weight: Array, sizes: tuple[int, int, int], *, grad: bool
) -> Array:
    from tests.support.frameworks import involution_paddle, paddle

    k, stride, dilation = sizes
    tensor = paddle.to_tensor(x, stop_gradient=not grad)
    out = involution_paddle.involution(
        tensor,
        paddle.to_tensor(weight),
        kernel_size=k,
        stride=stride,
        dilation=dilation,
    )
    assert out.stop_gradient != grad
    array: Array = out.numpy()
    return array
