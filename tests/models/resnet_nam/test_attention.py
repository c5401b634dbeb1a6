"""The attention of both frameworks against numpy, forwards and backwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ppim_port.state_dict import Array, FrameworkName, StateDict
from tests.support.frameworks import (
    nam_paddle_net,
    nam_torch_net,
    paddle,
    torch,
)
from tests.support.resnets import channel_attention, pixel_attention

BOTH: tuple[FrameworkName, ...] = ("torch", "paddle")
NETS = {"torch": nam_torch_net, "paddle": nam_paddle_net}
PADDLES = {"running_mean": "_mean", "running_var": "_variance"}
SHAPE = (2, 6, 4, 4)
# Its batch norm keeps the epsilon in float32: 2e-10 of a gate (paddlepaddle 3.3.1).
CLOSE = 1e-9
# Central differences in float64 with this step; 1e-8 was measured.
STEP, SLOPE = 1e-5, 1e-6

Oracle = Callable[..., Array]
KINDS: list[Any] = [
    pytest.param("ChannelAttention", 6, channel_attention, id="channel"),
    pytest.param("PixelAttention", 16, pixel_attention, id="pixel"),
]


def made(channels: int) -> tuple[Array, StateDict]:
    """A map, and a batch norm of which some factors are negative."""
    rng = np.random.default_rng(channels)
    norm = {
        "weight": rng.normal(0, 1, channels),
        "bias": rng.normal(0, 1, channels),
        "running_mean": rng.normal(0, 1, channels),
        "running_var": rng.uniform(0.5, 2, channels),
    }
    return rng.normal(0, 2, SHAPE), norm


def attention(framework: FrameworkName, name: str, norm: StateDict) -> Any:
    """A layer that holds these tensors in float64."""
    size = len(norm["weight"])
    layer = getattr(NETS[framework], name)(size if name.startswith("C") else 4)
    layer.to(dtype=torch.float64 if framework == "torch" else "float64")
    for leaf, value in norm.items():
        if framework == "torch":
            getattr(layer.bn, leaf).data = torch.from_numpy(value)
        else:
            getattr(layer.bn, PADDLES.get(leaf, leaf)).set_value(value)
    return layer


def tensor_of(framework: FrameworkName, array: Array) -> Any:
    if framework == "torch":
        return torch.from_numpy(array).requires_grad_()
    return paddle.to_tensor(array, stop_gradient=False)


# Paddle says in every training step that it tracks statistics (paddlepaddle 3.3.1).
@pytest.mark.filterwarnings("ignore:When training, we now always track:UserWarning")
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize(("name", "size", "oracle"), KINDS)
@pytest.mark.parametrize("framework", BOTH)
def test_attention_is_the_formula(
    framework: FrameworkName, name: str, size: int, oracle: Oracle, training: bool
) -> None:
    x, norm = made(size)
    layer = attention(framework, name, norm)
    layer.train() if training else layer.eval()
    found = layer(tensor_of(framework, x)).detach().numpy()
    expected = oracle(x, norm, training=training)
    assert np.abs(found - expected).max() < CLOSE * np.abs(expected).max()


@pytest.mark.parametrize(("name", "size", "oracle"), KINDS)
@pytest.mark.parametrize("framework", BOTH)
def test_gradients_are_the_slopes_of_the_formula(
    framework: FrameworkName, name: str, size: int, oracle: Oracle
) -> None:
    x, norm = made(size)
    layer = attention(framework, name, norm)
    layer.eval()
    at, noise = tensor_of(framework, x), np.random.default_rng(9).normal(size=SHAPE)
    (layer(at) * tensor_of(framework, noise).detach()).sum().backward()

    def value(moved: Array, changed: StateDict) -> float:
        return float((oracle(moved, changed) * noise).sum())

    for leaf in ("weight", "bias"):
        slopes = [
            slope(lambda n, leaf=leaf: value(x, {**norm, leaf: n}), norm[leaf], place)
            for place in np.ndindex(size)
        ]
        found = getattr(layer.bn, leaf).grad.numpy()
        assert np.abs(found - slopes).max() < SLOPE * np.abs(slopes).max()
    places = list(np.ndindex(SHAPE))[::7]
    slopes = [slope(lambda moved: value(moved, norm), x, place) for place in places]
    found = np.array([at.grad.numpy()[place] for place in places])
    assert np.abs(found - slopes).max() < SLOPE * np.abs(slopes).max()


def slope(value: Callable[[Array], float], at: Array, place: tuple[int, ...]) -> float:
    """A central difference in one number."""
    step = np.zeros_like(at)
    step[place] = STEP
    return (value(at + step) - value(at - step)) / (2 * STEP)


def test_the_sign_of_a_scale_factor_is_not_lost() -> None:
    x, norm = made(6)
    flipped = {**norm, "weight": -norm["weight"]}
    for framework in BOTH:
        pair = [attention(framework, "ChannelAttention", n) for n in (norm, flipped)]
        there, back = (layer.eval() or layer for layer in pair)
        one, other = (
            layer(tensor_of(framework, x)).detach().numpy() for layer in (there, back)
        )
        assert np.abs(one - other).max() > 1e-2
