"""Switchable atrous convolution: both frameworks are the numpy oracle, in float64."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from ppim_port.backends import Backend, get_backend
from ppim_port.errors import InputSizeError, MappingError, UsageError
from ppim_port.ops import saconv_numpy
from ppim_port.state_dict import FRAMEWORKS, Array, FrameworkName, StateDict
from tests.support.frameworks import paddle, saconv_paddle, saconv_torch, torch

LAYERS: dict[FrameworkName, Any] = {"torch": saconv_torch, "paddle": saconv_paddle}

# Of the largest number: 5e-16 measured for outputs and 2e-15 for gradients (torch
# 2.13.0, paddlepaddle 3.3.1, numpy 2.4).
FLOAT64 = 1e-13
# Of a standardised filter that should be itself, in float32: one rounding is 6e-8.
FLOAT32 = 1e-6


@dataclass(frozen=True)
class Case:
    kernel_size: int = 3
    stride: int = 1
    padding: int = 1
    dilation: int = 1
    groups: int = 1
    bias: bool = False
    height: int = 5
    width: int = 4

    @property
    def geometry(self) -> dict[str, int]:
        names = ("stride", "padding", "dilation", "groups")
        return {name: getattr(self, name) for name in names}


CASES = [
    Case(),
    Case(stride=2, height=7, width=6),
    Case(groups=2, bias=True),
    Case(padding=2, dilation=2, height=6, width=3),
    Case(kernel_size=1, padding=0, bias=True, height=3, width=3),
    Case(kernel_size=5, padding=2, stride=2, height=9, width=5),
]
IN, OUT = 4, 6
every_framework = pytest.mark.parametrize("framework", FRAMEWORKS)


def relative(found: Array, expected: Array) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def made(framework: FrameworkName, case: Case, name: str = "SAConv2d") -> Any:
    layer = getattr(LAYERS[framework], name)(
        IN, OUT, case.kernel_size, **case.geometry, bias=case.bias
    )
    return layer.to(torch.float64) if framework == "torch" else doubled(layer)


def doubled(layer: Any) -> Any:
    layer.to(dtype="float64")
    return layer


def loaded(framework: FrameworkName, layer: Any, seed: int = 3) -> StateDict:
    """Random tensors, put into the layer."""
    backend: Backend = get_backend(framework)
    rng = np.random.default_rng(seed)
    state = {
        key: rng.standard_normal(value.shape)
        for key, value in sorted(backend.state(layer).items())
    }
    backend.load(layer, state)
    return state


def picture(case: Case) -> Array:
    shape = (2, IN, case.height, case.width)
    return np.random.default_rng(8).standard_normal(shape)


def output(framework: FrameworkName, layer: Any, x: Array) -> Array:
    if framework == "torch":
        return layer(torch.from_numpy(x)).numpy(force=True)  # type: ignore[no-any-return]
    return layer(paddle.to_tensor(x)).numpy()  # type: ignore[no-any-return]


@every_framework
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_switchable_convolution_is_the_oracles(
    framework: FrameworkName, case: Case
) -> None:
    layer = made(framework, case)
    state = loaded(framework, layer)
    x = picture(case)
    expected = saconv_numpy.switchable_convolution(x, state, **case.geometry)
    assert relative(output(framework, layer, x), expected) < FLOAT64


@every_framework
@pytest.mark.parametrize("case", [c for c in CASES if c.kernel_size > 1], ids=str)
def test_a_standardised_convolution_is_the_oracles(
    framework: FrameworkName, case: Case
) -> None:
    layer = made(framework, case, "ConvAWS2d")
    state = loaded(framework, layer)
    weight, gamma, beta = (
        state[key] for key in ("weight", "weight_gamma", "weight_beta")
    )
    filters = saconv_numpy.standardised(weight, gamma, beta)
    x = picture(case)
    expected = saconv_numpy.convolution(x, filters, **case.geometry)
    expected = expected + state.get("bias", np.zeros(OUT))[:, None, None]
    assert relative(output(framework, layer, x), expected) < FLOAT64


def gradients(framework: FrameworkName, case: Case) -> StateDict:
    layer = made(framework, case)
    loaded(framework, layer)
    x = picture(case)
    shape = output(framework, layer, x).shape
    upstream = np.random.default_rng(9).standard_normal(shape)
    tensor: Any
    if framework == "torch":
        tensor = torch.from_numpy(x).requires_grad_()
        layer(tensor).backward(torch.from_numpy(upstream))
    else:
        tensor = paddle.to_tensor(x, stop_gradient=False)
        layer(tensor).backward(paddle.to_tensor(upstream))
    found = {key: p.grad.numpy() for key, p in layer.named_parameters()}
    return {"input": tensor.grad.numpy(), **found}


@pytest.mark.parametrize("case", CASES[:4], ids=str)
def test_paddles_gradients_are_torchs(case: Case) -> None:
    ours, theirs = gradients("paddle", case), gradients("torch", case)
    assert sorted(ours) == sorted(theirs)
    assert len(ours) == 9 + case.bias
    for key, value in theirs.items():
        # The filters' mean has no gradient: what is left of a sum is rounding.
        assert relative(ours[key], value) < FLOAT64, key


def test_torchs_gradient_is_that_of_finite_differences() -> None:
    layer = made("torch", Case(height=3, width=3))
    loaded("torch", layer)
    x = torch.from_numpy(picture(Case(height=3, width=3))).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x,))


@every_framework
def test_it_starts_as_the_plain_convolution_that_it_adopts(
    framework: FrameworkName,
) -> None:
    case = Case(stride=2, bias=True)
    layer = made(framework, case)
    loaded(framework, layer)  # so that the second branch and the contexts are on
    rng = np.random.default_rng(4)
    weight, bias = rng.standard_normal((OUT, IN, 3, 3)), rng.standard_normal(OUT)
    layer.adopt(weight, bias)
    x = picture(case)
    expected = saconv_numpy.convolution(x, weight, **case.geometry)
    expected = expected + bias[:, None, None]
    assert relative(output(framework, layer, x), expected) < FLOAT64


@every_framework
def test_gamma_and_beta_are_the_moments_of_the_adopted_filters(
    framework: FrameworkName,
) -> None:
    layer = made(framework, Case(), "ConvAWS2d")
    weight = np.zeros((OUT, IN, 3, 3))
    weight[0].flat[:] = np.arange(36)  # mean 17.5, unbiased variance 111
    layer.adopt(weight)
    state = get_backend(framework).state(layer)
    assert state["weight_beta"].ravel().tolist() == [17.5] + [0.0] * 5
    expected = [np.sqrt(111 + 1e-5)] + [np.sqrt(1e-5)] * 5
    np.testing.assert_allclose(
        state["weight_gamma"].ravel(), expected, rtol=FLOAT64, atol=0
    )


def test_float32_filters_standardise_to_themselves_but_for_rounding() -> None:
    weight = np.random.default_rng(1).normal(0.2, 0.05, (64, 32, 3, 3))
    weight = weight.astype(np.float32)
    moments = saconv_numpy.adopted(weight)
    found = saconv_numpy.standardised(
        weight, moments["weight_gamma"], moments["weight_beta"]
    )
    assert found.dtype == np.float32
    assert relative(found, weight) < FLOAT32


@every_framework
def test_tensors_have_the_keys_of_the_authors_code_and_buffers_are_not_trained(
    framework: FrameworkName,
) -> None:
    layer = made(framework, Case())
    state = get_backend(framework).state(layer)
    assert list(state) == [
        "weight",
        "weight_diff",
        "weight_gamma",
        "weight_beta",
        "switch.weight",
        "switch.bias",
        "pre_context.weight",
        "pre_context.bias",
        "post_context.weight",
        "post_context.bias",
    ]
    trained = {name for name, _ in layer.named_parameters()}
    assert trained == state.keys() - {"weight_gamma", "weight_beta"}


@pytest.mark.parametrize(
    "change", [{"dilation": 2}, {"stride": 2}, {"padding": 0}], ids=str
)
def test_the_oracle_sees_each_setting(change: dict[str, int]) -> None:
    case = Case(height=8, width=8)
    state = loaded("torch", made("torch", case))
    x = picture(case)
    first = saconv_numpy.switchable_convolution(x, state, **case.geometry)
    other = replace(case, **change)  # type: ignore[arg-type]
    try:
        second = saconv_numpy.switchable_convolution(x, state, **other.geometry)
    except ValueError:  # the switch and the branches are of different sizes
        return
    assert second.shape != first.shape or relative(second, first) > FLOAT64


@every_framework
def test_what_cannot_be_computed_is_refused(framework: FrameworkName) -> None:
    layer = made(framework, Case())
    with pytest.raises(InputSizeError, match=r"a map of 2x9: .* 3 pixels or more"):
        output(framework, layer, np.zeros((1, IN, 2, 9)))
    with pytest.raises(UsageError, match=r"\[6, 1, 1, 1\] hold a single number"):
        LAYERS[framework].ConvAWS2d(6, 6, 1, groups=6)
    before = get_backend(framework).state(layer)["weight"].copy()
    with pytest.raises(MappingError, match=r"expected \[6, 4, 3, 3\]; the layer is un"):
        layer.adopt(np.ones((OUT, IN, 1, 1)))
    assert np.array_equal(get_backend(framework).state(layer)["weight"], before)
