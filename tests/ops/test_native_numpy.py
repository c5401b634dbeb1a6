"""The C++ involution on numpy arrays: any strides, and refusals by name."""

from __future__ import annotations

import numpy as np
import pytest

from ppim_port.errors import UsageError
from ppim_port.ops import involution_native
from tests.support.involutions import Case
from tests.support.native import needs_kernels, same_bits

pytestmark = needs_kernels


def test_arrays_may_be_views() -> None:
    x, weight = Case().arrays()
    expected = involution_native.involution(x, weight, kernel_size=3)
    assert expected.flags.c_contiguous
    turned = np.asfortranarray(x), np.asfortranarray(weight)
    wide = np.stack([x, x], -1)[..., 0], weight[::-1][::-1]
    for pair in (turned, wide):
        assert same_bits(involution_native.involution(*pair, kernel_size=3), expected)


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_threads_do_not_change_a_bit(threads: int | None) -> None:
    x, weight = Case(batch=3).arrays()
    expected = involution_native.involution(x, weight, kernel_size=3, threads=1)
    found = involution_native.involution(x, weight, kernel_size=3, threads=threads)
    assert same_bits(found, expected)


def test_an_empty_batch_is_answered() -> None:
    x, weight = Case(batch=0).arrays()
    out = involution_native.involution(x, weight, kernel_size=3)
    assert out.shape == (0, 6, 6, 7)
    found = involution_native.gradients(out, x, weight, kernel_size=3)
    assert [a.shape for a in found] == [x.shape, weight.shape]


def test_what_does_not_fit_is_refused() -> None:
    x, weight = Case().arrays()
    with pytest.raises(UsageError, match=r"The input: .* expected \[N, C, H, W\]"):
        involution_native.involution(x[0], weight, kernel_size=3)
    with pytest.raises(UsageError, match=r"expected \[N, G, K\*K, H', W'\]"):
        involution_native.involution(x, weight[0], kernel_size=3)
    with pytest.raises(UsageError, match="The kernels: float32"):
        involution_native.involution(x, weight.astype("f4"), kernel_size=3)
    with pytest.raises(UsageError, match="The input: bfloat16, expected float32"):
        involution_native.involution(x.astype("u2"), weight.astype("u2"), kernel_size=3)
    with pytest.raises(UsageError, match=r"The gradient: .* expected \[N, C, H, W\]"):
        involution_native.gradients(x[0], x, weight, kernel_size=3)
    with pytest.raises(UsageError, match="The gradient: float64"):
        involution_native.gradients(x[:, :, 1:], x, weight, kernel_size=3)
