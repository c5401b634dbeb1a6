"""What the nets make of images, the same in both frameworks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ppim_port.errors import InputSizeError
from ppim_port.models.rednet.family import check_input_size
from ppim_port.state_dict import Array, FrameworkName
from tests.support.fake_backend import images_of
from tests.support.frameworks import paddle, torch
from tests.support.nets import PARITY, logits, net, relative
from tests.support.states import VARIANTS, rednet

BOTH: tuple[FrameworkName, ...] = ("torch", "paddle")
# A few sizes, also oblong; each side of a span's ends once.
SIZES = [(30, 61), (64, 29), (32, 32)]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """On maps this small, threads inside of an operator only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def images(height: int, width: int, count: int = 2) -> Array:
    return images_of(count, max(height, width))[:, :, :height, :width].copy()


def tensor_of(framework: FrameworkName, array: Array) -> Any:
    if framework == "torch":
        return torch.from_numpy(array)
    return paddle.to_tensor(array)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_both_nets_give_the_same_logits(size: tuple[int, int]) -> None:
    found, reference = (logits(name, images(*size)) for name in BOTH)
    assert found.shape == (2, 1000)
    assert relative(found, reference) < PARITY


def test_a_larger_net_gives_the_same_logits() -> None:
    config = rednet("50")
    found, reference = (logits(name, images(32, 32, 1), config) for name in BOTH)
    assert relative(found, reference) < PARITY


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_net_gives_the_same_logits_at_224(variant: str) -> None:
    found, reference = (
        logits(name, images(224, 224), rednet(variant)) for name in BOTH
    )
    assert relative(found, reference) < PARITY


@pytest.mark.parametrize("side", [221, 222, 223, 224])
@pytest.mark.parametrize("framework", BOTH)
def test_the_sizes_around_224_work(framework: FrameworkName, side: int) -> None:
    found = logits(framework, images(side, 445 - side, 1), precision="float32")
    assert found.shape == (1, 1000)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("size", [(16, 16), (28, 32), (32, 33), (220, 224)], ids=str)
@pytest.mark.parametrize("framework", BOTH)
def test_other_sizes_are_refused_with_one_text(
    framework: FrameworkName, size: tuple[int, int]
) -> None:
    with pytest.raises(InputSizeError) as expected:
        check_input_size(*size)
    with pytest.raises(InputSizeError) as caught:
        logits(framework, images(*size), precision="float32")
    assert str(caught.value) == str(expected.value)


@pytest.mark.parametrize("classes", [1, 7])
@pytest.mark.parametrize("framework", BOTH)
def test_there_are_as_many_logits_as_classes(
    framework: FrameworkName, classes: int
) -> None:
    config = rednet("26", num_classes=classes)
    assert logits(framework, images(32, 32), config).shape == (2, classes)


@pytest.mark.parametrize("framework", BOTH)
def test_a_net_with_a_seven_pixel_stem_runs(framework: FrameworkName) -> None:
    config = rednet("26", stem_kernel_size=7)
    small = logits(framework, images(32, 32))
    assert relative(logits(framework, images(32, 32), config), small) > 0.01


@pytest.mark.parametrize("size", SIZES[:2], ids=str)
@pytest.mark.parametrize("framework", BOTH)
def test_features_are_a_map_of_a_thirty_second(
    framework: FrameworkName, size: tuple[int, int]
) -> None:
    _, model = net(framework)
    with torch.no_grad(), paddle.no_grad():
        features = model.forward_features(tensor_of(framework, images(*size)))
    expected = [2, 2048, *(-(-side // 32) for side in size)]
    assert list(features.shape) == expected


@pytest.mark.parametrize("framework", BOTH)
def test_forward_is_the_head_on_the_features(framework: FrameworkName) -> None:
    _, model = net(framework)
    x = tensor_of(framework, images(32, 61))
    with torch.no_grad(), paddle.no_grad():
        whole = model(x)
        halves = model.forward_head(model.forward_features(x))
    assert np.array_equal(whole.numpy(), halves.numpy())


# Paddle says in every training step that it tracks statistics (paddlepaddle 3.3.1).
@pytest.mark.filterwarnings("ignore:When training, we now always track:UserWarning")
@pytest.mark.parametrize("framework", BOTH)
def test_the_net_learns(framework: FrameworkName) -> None:
    backend, _ = net(framework)
    model = backend.build(rednet("26", num_classes=3))
    model.train()
    model(tensor_of(framework, images(32, 64))).sum().backward()
    lacking = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None and not getattr(parameter, "stop_gradient", False)
    ]
    assert lacking == []
