"""What a live net is set to and what goes through it, alike in both frameworks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ppim_port.backends import get_backend, layers_paddle, layers_torch
from ppim_port.backends.layers import LayerDescription, described
from ppim_port.state_dict import Array, FrameworkName
from tests.mapping.plans import bits
from tests.support.frameworks import paddle, torch
from tests.support.nets import net
from tests.support.states import made_state, rednet

SMALL = rednet(num_classes=3)
IMAGES = np.random.default_rng(0).standard_normal((1, 3, 64, 64))
WEIGHTS = np.random.default_rng(1).standard_normal((1, 3))

both = pytest.mark.parametrize("name", ["torch", "paddle"])


def live(name: FrameworkName) -> tuple[Any, Any]:
    """A float64 net of one's own."""
    backend = get_backend(name)
    model = backend.build(SMALL, precision="float64")
    backend.load(model, made_state(SMALL, name))
    return backend, model


def of_torch(layer: torch.nn.Module) -> LayerDescription:
    return described([("x", layer)], layers_torch.READERS)["x"]


def of_paddle(layer: paddle.nn.Layer) -> LayerDescription:
    return described([("x", layer)], layers_paddle.READERS)["x"]


def test_the_two_nets_are_set_alike_layer_by_layer() -> None:
    ones, others = (b.describe(m) for b, m in map(live, ("torch", "paddle")))
    assert list(ones) == list(others)
    assert len(ones) == 134
    for name, layer in ones.items():
        assert (layer.kind, layer.settings) == (
            others[name].kind,
            others[name].settings,
        ), name
        assert layer.settings["training"] is False


def test_the_settings_are_those_of_the_paper() -> None:
    backend, model = live("torch")
    layers = backend.describe(model)
    assert layers["maxpool"].settings == {
        "kernel": (3, 3),
        "stride": (2, 2),
        "padding": (1, 1),
        "ceil_mode": False,
        "dilation": (1, 1),
        "training": False,
    }
    assert layers["layer2.0.conv2"].settings == {
        "kernel": 7,
        "stride": 2,
        "dilation": 1,
        "groups": 8,
        "training": False,
    }
    assert layers["stem.0.bn"].settings["eps"] == 1e-5


PAIRS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "conv": (
        lambda: torch.nn.Conv2d(4, 8, 3, 2, 1, 1, 2, bias=False),
        lambda: paddle.nn.Conv2D(4, 8, 3, 2, 1, 1, 2, bias_attr=False),
    ),
    "conv of unequal sides": (
        lambda: torch.nn.Conv2d(4, 8, (3, 5), (1, 2), (0, 1), (2, 1)),
        lambda: paddle.nn.Conv2D(4, 8, (3, 5), (1, 2), (0, 1), (2, 1)),
    ),
    "conv padded to the same size": (
        lambda: torch.nn.Conv2d(4, 8, 3, padding="same"),
        lambda: paddle.nn.Conv2D(4, 8, 3, padding="SAME"),
    ),
    "batch norm": (
        lambda: torch.nn.BatchNorm2d(4, eps=1e-3, momentum=0.03),
        lambda: paddle.nn.BatchNorm2D(4, momentum=0.97, epsilon=1e-3),
    ),
    "linear": (lambda: torch.nn.Linear(3, 4), lambda: paddle.nn.Linear(3, 4)),
    "max pool": (
        lambda: torch.nn.MaxPool2d(3, 2, ceil_mode=True),
        lambda: paddle.nn.MaxPool2D(3, 2, ceil_mode=True),
    ),
    "max pool of default stride": (
        lambda: torch.nn.MaxPool2d(3),
        lambda: paddle.nn.MaxPool2D(3),
    ),
    # The defaults are opposite, and mean the same where nothing is padded.
    "average pool": (lambda: torch.nn.AvgPool2d(2), lambda: paddle.nn.AvgPool2D(2)),
    "padded average pool": (
        lambda: torch.nn.AvgPool2d(3, 1, 1),
        lambda: paddle.nn.AvgPool2D(3, 1, 1, exclusive=False),
    ),
    "adaptive pool": (
        lambda: torch.nn.AdaptiveAvgPool2d((1, 1)),
        lambda: paddle.nn.AdaptiveAvgPool2D(1),
    ),
    "dropout": (lambda: torch.nn.Dropout(0.3), lambda: paddle.nn.Dropout(0.3)),
    "relu": (lambda: torch.nn.ReLU(inplace=True), lambda: paddle.nn.ReLU()),
}


@pytest.mark.parametrize("name", PAIRS)
def test_equal_layers_have_equal_descriptions(name: str) -> None:
    one, other = PAIRS[name]
    mine, theirs = of_torch(one()), of_paddle(other())
    assert (mine.kind, mine.settings) == (theirs.kind, theirs.settings)
    assert mine.kind is not None


UNEQUAL: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "average pool that counts its padding": (
        lambda: torch.nn.AvgPool2d(3, 1, 1),
        lambda: paddle.nn.AvgPool2D(3, 1, 1),
    ),
    "momentum taken over as it is": (
        lambda: torch.nn.BatchNorm2d(4, momentum=0.1),
        lambda: paddle.nn.BatchNorm2D(4, momentum=0.1),
    ),
    "dropout that scales in evaluation": (
        lambda: torch.nn.Dropout(0.5),
        lambda: paddle.nn.Dropout(0.5, mode="downscale_in_infer"),
    ),
    "pooling that rounds up": (
        lambda: torch.nn.MaxPool2d(3, 2, ceil_mode=True),
        lambda: paddle.nn.MaxPool2D(3, 2),
    ),
    "a bias": (
        lambda: torch.nn.Conv2d(3, 3, 1),
        lambda: paddle.nn.Conv2D(3, 3, 1, bias_attr=False),
    ),
    "batch statistics": (
        lambda: torch.nn.BatchNorm2d(4),
        lambda: paddle.nn.BatchNorm2D(4, use_global_stats=False),
    ),
}


@pytest.mark.parametrize("name", UNEQUAL)
def test_unequal_layers_have_unequal_descriptions(name: str) -> None:
    one, other = UNEQUAL[name]
    assert of_torch(one()).settings != of_paddle(other()).settings


def test_a_layer_that_we_do_not_know_has_no_kind() -> None:
    assert of_torch(torch.nn.GELU()).kind is None
    assert of_paddle(paddle.nn.GELU()).kind is None
    # A container without settings is no layer of its own.
    inside = torch.nn.Sequential(torch.nn.ReLU())
    assert list(described(inside.named_modules(), layers_torch.READERS)) == ["0"]


@both
@pytest.mark.parametrize(
    ("layer", "setting", "value"),
    [
        ("stem.2", "eps", 1.1e-5),
        ("stem.2", "momentum", 0.9),
        ("stem.2", "training", True),
        ("stem.0.conv", "stride", (1, 1)),
        ("stem.0.conv", "padding", (2, 2)),
        ("stem.0.conv", "dilation", (2, 2)),
        ("maxpool", "kernel", (2, 2)),
        ("maxpool", "ceil_mode", True),
        ("layer2.0.conv2", "kernel", 5),
        ("layer2.0.conv2", "stride", 1),
    ],
)
def test_an_altered_setting_is_described_and_undone(
    name: FrameworkName, layer: str, setting: str, value: Any
) -> None:
    backend, model = live(name)
    before = backend.describe(model)
    undo = backend.alter(model, layer, setting, value)
    after = backend.describe(model)
    assert after[layer].settings == {**before[layer].settings, setting: value}
    assert {k: v for k, v in after.items() if k != layer} == {
        k: v for k, v in before.items() if k != layer
    }
    undo()
    assert backend.describe(model) == before


@both
def test_an_altered_setting_works(name: FrameworkName) -> None:
    backend, model = live(name)
    before = backend.predict(model, IMAGES)
    undo = backend.alter(model, "stem.2", "eps", 1e-2)
    assert not np.array_equal(backend.predict(model, IMAGES), before)
    undo()
    assert np.array_equal(backend.predict(model, IMAGES), before)


@both
def test_a_trace_ends_in_the_logits_and_leaves_the_net_as_it_was(
    name: FrameworkName,
) -> None:
    backend, model = live(name)
    calls = backend.trace(model, IMAGES)
    assert next(iter(calls)) == "stem.0.conv"
    assert list(calls)[-1] == "fc"
    assert relative(calls["fc"].output, backend.predict(model, IMAGES)) < 1e-12
    assert np.array_equal(calls["stem.0.conv"].inputs[0], IMAGES)
    again = backend.trace(model, IMAGES)
    assert list(again) == list(calls)
    assert bits(backend.state(model)) == bits(backend.state(live(name)[1]))


def relative(one: Array, other: Array) -> float:
    return float(np.abs(one - other).max() / np.abs(one).max())


def test_both_frameworks_traces_have_the_same_uses_in_the_same_order() -> None:
    ones, others = (b.trace(m, IMAGES) for b, m in map(live, ("torch", "paddle")))
    assert list(ones) == list(others)
    assert "layer1.0.relu (use 3)" in ones
    assert ones["layer1.0.relu (use 3)"].layer == "layer1.0.relu"
    assert max(relative(c.output, others[k].output) for k, c in ones.items()) < 1e-12


@both
def test_a_layer_alone_does_what_it_does_in_the_net(name: FrameworkName) -> None:
    backend, model = live(name)
    for use, call in backend.trace(model, IMAGES).items():
        alone = backend.run_layer(model, call.layer, call.inputs)
        assert relative(call.output, alone) < 1e-12, use


def test_a_layer_that_works_in_place_does_not_change_what_was_seen() -> None:
    model = torch.nn.Sequential(torch.nn.Identity(), torch.nn.ReLU(inplace=True))
    images = np.array([[-1.0, 2.0]])
    calls = get_backend("torch").trace(model, images)
    assert calls["0"].output.tolist() == [[-1, 2]]
    assert calls["1"].output.tolist() == [[0, 2]]
    assert images.tolist() == [[-1, 2]]


@both
def test_gradients_are_those_of_finite_differences(name: FrameworkName) -> None:
    backend, model = live(name)
    found = backend.gradients(model, IMAGES, WEIGHTS)
    state = made_state(SMALL, name)
    statistics = ("running_mean", "running_var", "_mean", "_variance", "tracked")
    parameters = {key for key in state if not key.endswith(statistics)}
    assert found.keys() == {"input", *parameters}
    step = 1e-6
    for at in ((0, 0, 5, 7), (0, 2, 33, 60)):
        up, down = IMAGES.copy(), IMAGES.copy()
        up[at] += step
        down[at] -= step
        change = backend.predict(model, up) - backend.predict(model, down)
        assert found["input"][at] == pytest.approx(
            float((change * WEIGHTS).sum()) / (2 * step), rel=1e-4
        )


def test_both_frameworks_gradients_agree() -> None:
    ones, others = (
        b.gradients(m, IMAGES, WEIGHTS) for b, m in map(live, ("torch", "paddle"))
    )
    ones["fc.weight"] = ones["fc.weight"].T
    assert ones.keys() == others.keys()
    assert max(relative(value, others[key]) for key, value in ones.items()) < 1e-12


def test_probing_leaves_torchs_threads_as_they_were() -> None:
    backend, model = net("torch", SMALL, "float64")
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        backend.trace(model, IMAGES)
        backend.gradients(model, IMAGES, WEIGHTS)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
