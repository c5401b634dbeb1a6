"""What the nets make of images, against each other and against the package's nets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppim_port.checkpoint import read
from ppim_port.errors import InputSizeError
from ppim_port.models.efficientnet_lite.family import FAMILY, SCALES, same_padding
from ppim_port.state_dict import Array, FrameworkName, StateDict
from tests.support.fake_backend import images_of
from tests.support.frameworks import paddle, torch
from tests.support.lite import (
    VARIANTS,
    lite,
    original_logits,
    real_net,
    weights_path,
)
from tests.support.nets import PARITY, logits, net, relative
from tests.support.states import made_state

BOTH: tuple[FrameworkName, ...] = ("torch", "paddle")
# Odd and even at every stride, oblong, and smaller than the net's 32.
SIZES = [(1, 1), (33, 64), (65, 47), (96, 96)]


def images(height: int, width: int, count: int = 2) -> Array:
    return images_of(count, max(height, width))[:, :, :height, :width].copy()


def tensor_of(framework: FrameworkName, array: Array) -> Any:
    made = torch.from_numpy if framework == "torch" else paddle.to_tensor
    return made(array)


def published(state: StateDict) -> StateDict:
    """Made-up weights under the package's keys."""
    return {FAMILY.namings[0].publish(key): value for key, value in state.items()}


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_both_nets_give_the_same_logits_at_every_size(size: tuple[int, int]) -> None:
    found, reference = (logits(name, images(*size), lite()) for name in BOTH)
    assert found.shape == (2, 1000)
    assert relative(found, reference) < PARITY


def test_made_up_weights_give_the_packages_logits() -> None:
    noise = np.random.default_rng(5).standard_normal((1, 3, 224, 224))
    expected = original_logits("0", published(made_state(lite())), noise)
    assert relative(logits("torch", noise, lite()), expected) < PARITY


NIGHT = [
    pytest.param(variant, framework, marks=pytest.mark.slow)
    for variant in VARIANTS
    for framework in BOTH
    if (variant, framework) != ("0", "torch")
]


@pytest.mark.parametrize(("variant", "framework"), [("0", "torch"), *NIGHT])
def test_real_weights_give_the_packages_logits(
    variant: str, framework: FrameworkName
) -> None:
    state = read(weights_path(variant)).state
    side = SCALES[variant].image_size
    noise = np.random.default_rng(6).standard_normal((1, 3, side, side))
    backend, model = real_net(variant, framework, "float64")
    found = backend.predict(model, noise)
    assert relative(found, original_logits(variant, state, noise)) < PARITY


def test_the_odd_pixel_of_padding_on_the_other_side_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = logits("torch", images(96, 96, 1), lite())
    monkeypatch.setattr(
        "ppim_port.models.efficientnet_lite.torch_net.same_padding",
        lambda *sizes: same_padding(*sizes)[::-1],
    )
    assert relative(logits("torch", images(96, 96, 1), lite()), right) > 1e-3


@pytest.mark.parametrize("framework", BOTH)
def test_an_empty_image_is_refused(framework: FrameworkName) -> None:
    _, model = net(framework, lite())
    with pytest.raises(InputSizeError, match="images of 0x8"):
        model.forward_features(tensor_of(framework, np.zeros((1, 3, 0, 8), "float32")))


@pytest.mark.parametrize("framework", BOTH)
def test_forward_is_the_head_on_a_map_of_a_thirty_second(
    framework: FrameworkName,
) -> None:
    _, model = net(framework, lite())
    x = tensor_of(framework, images(65, 40))
    with torch.no_grad(), paddle.no_grad():
        features = model.forward_features(x)
        assert list(features.shape) == [2, 1280, 3, 2]
        halves = model.forward_head(features)
        assert np.array_equal(model(x).numpy(), halves.numpy())


# Paddle says in every training step that it tracks statistics (paddlepaddle 3.3.1).
@pytest.mark.filterwarnings("ignore:When training, we now always track:UserWarning")
@pytest.mark.parametrize("framework", BOTH)
def test_the_net_learns(framework: FrameworkName) -> None:
    backend, _ = net(framework, lite())
    model = backend.build(lite(num_classes=3))
    model.train()
    model(tensor_of(framework, images(64, 64))).sum().backward()
    lacking = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None and not getattr(parameter, "stop_gradient", False)
    ]
    assert lacking == []
