"""The layers: their tensors, their counts, and the kernels that they make."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest

from ppim_port.ops.involution_numpy import involution
from ppim_port.state_dict import Array, StateDict
from tests.support.frameworks import (
    involution_paddle,
    involution_torch,
    paddle,
    torch,
)

# float64, of the largest output; Paddle's batch norm keeps its epsilon in float32.
# Measured with torch 2.13.0 and paddlepaddle 3.3.1: 4e-16 and 2e-13.
FLOAT64 = 1e-11
EPSILON = 1e-5


def layer(module: Any, channels: int, stride: int = 1, dilation: int = 1) -> Any:
    """A layer in float64, in evaluation mode, with the same numbers in both."""
    made = module.Involution(channels, 7, stride, dilation=dilation)
    if module is involution_paddle:
        made.to(dtype="float64")
    else:
        made.double()
    made.eval()
    return made


def numbers(channels: int, groups: int) -> StateDict:
    rng = np.random.default_rng(0)
    reduced = channels // 4
    return {
        "conv1.conv.weight": rng.standard_normal((reduced, channels, 1, 1)),
        "conv1.bn.weight": rng.uniform(0.5, 1.5, reduced),
        "conv1.bn.bias": rng.standard_normal(reduced),
        "conv1.bn.running_mean": rng.standard_normal(reduced),
        "conv1.bn.running_var": rng.uniform(0.5, 1.5, reduced),
        "conv2.conv.weight": rng.standard_normal((49 * groups, reduced, 1, 1)),
        "conv2.conv.bias": rng.standard_normal(49 * groups),
    }


def restated(x: Array, s: StateDict, stride: int, dilation: int) -> Array:
    """The official layer in numpy: pool, generate kernels, weigh."""
    n, c, h, w = x.shape
    out = (h // stride, w // stride)
    pooled = x.reshape(n, c, out[0], stride, out[1], stride).mean((3, 5))
    a = np.einsum("oc,nchw->nohw", s["conv1.conv.weight"][..., 0, 0], pooled)
    mean, var, gain, shift = (
        s[f"conv1.bn.{name}"][:, None, None]
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    a = np.maximum((a - mean) / np.sqrt(var + EPSILON) * gain + shift, 0)
    b = np.einsum("oc,nchw->nohw", s["conv2.conv.weight"][..., 0, 0], a)
    weight = (b + s["conv2.conv.bias"][:, None, None]).reshape(n, -1, 49, *out)
    return involution(x, weight, kernel_size=7, stride=stride, dilation=dilation)


def torchs(x: Array, state: StateDict, stride: int, dilation: int) -> Array:
    made = layer(involution_torch, x.shape[1], stride, dilation)
    made.load_state_dict({key: torch.from_numpy(a) for key, a in state.items()})
    with torch.no_grad():
        out: Array = made(torch.from_numpy(x)).numpy()
    return out


def paddles(x: Array, state: StateDict, stride: int, dilation: int) -> Array:
    made = layer(involution_paddle, x.shape[1], stride, dilation)
    names = {"_mean": "running_mean", "_variance": "running_var"}
    for key, tensor in made.state_dict().items():
        parent, _, leaf = key.rpartition(".")
        tensor.set_value(state[f"{parent}.{names.get(leaf, leaf)}"])
    with paddle.no_grad():
        out: Array = made(paddle.to_tensor(x)).numpy()
    return out


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (2, 4)])
@pytest.mark.parametrize("answer", [torchs, paddles])
def test_layer_does_what_the_official_one_does(
    answer: Any, stride: int, dilation: int
) -> None:
    x = np.random.default_rng(1).standard_normal((2, 32, 8, 6))
    state = numbers(32, 2)
    expected = restated(x, state, stride, dilation)
    found = answer(x, state, stride, dilation)
    limit = FLOAT64 * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=limit)


def test_a_layer_of_128_channels_has_the_published_17160_numbers() -> None:
    tensors = layer(involution_paddle, 128).state_dict()
    sizes = {key: prod(tensor.shape) for key, tensor in tensors.items()}
    norm = sum(size for key, size in sizes.items() if ".bn." in key)
    assert sum(sizes.values()) == 17_160
    # Published as 17,032 trainable and 128 not: all four numbers of a channel of the
    # batch norm counted as not trainable. Two of them are trained.
    assert (sum(sizes.values()) - norm, norm) == (17_032, 128)


@pytest.mark.parametrize("module", [involution_torch, involution_paddle])
def test_trainable_numbers_leave_out_the_statistics_alone(module: Any) -> None:
    made = layer(module, 128)
    trained = [
        prod(p.shape)
        for p in made.parameters()
        if not getattr(p, "stop_gradient", not p.requires_grad)
    ]
    assert sum(trained) == 17_160 - 64
