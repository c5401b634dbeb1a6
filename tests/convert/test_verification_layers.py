"""A fault is found in the layer that it is in, and the error says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import Request
from convert.pipeline import convert
from convert.verification.layers import Parting, parting
from ppim_port.backends import Backend, get_backend
from ppim_port.errors import VerificationError
from ppim_port.mapping import Mapping, apply
from ppim_port.state_dict import FrameworkName, StateDict
from tests.convert.made import listing
from tests.support.frameworks import involution_torch
from tests.support.nets import net
from tests.support.states import made_state, rednet

SMALL = rednet(num_classes=3)
IMAGES = np.random.default_rng(0).standard_normal((1, 3, 64, 64))
Net = tuple[Backend, Any]


@pytest.fixture(scope="module")
def spoilt() -> dict[FrameworkName, Net]:
    """Float64 nets that the tests may load anew."""
    backends = [get_backend(name) for name in ("torch", "paddle")]
    return {b.name: (b, b.build(SMALL, precision="float64")) for b in backends}


def found(target: Net, source: FrameworkName = "torch") -> Parting:
    right = net(source, SMALL, "float64")
    return parting(right, target, IMAGES, tolerance=1e-9)


def load(target: Net, **changes: Any) -> None:
    backend, model = target
    state = made_state(SMALL, backend.name)
    for key, change in changes.items():
        state[key] = change(state[key]).astype(np.float32)
    backend.load(model, state)


def test_nets_that_agree_part_nowhere(spoilt: dict[FrameworkName, Net]) -> None:
    load(spoilt["paddle"])
    assert found(spoilt["paddle"]) == Parting(None, {})


@pytest.mark.parametrize("framework", ["torch", "paddle"])
@pytest.mark.parametrize(
    "key",
    [
        "stem.0.conv.weight",
        "stem.1.conv2.conv.bias",
        "layer2.1.bn2.weight",
        "layer3.0.downsample.0.weight",
        "layer4.0.conv2.conv1.bn.bias",
        "fc.bias",
    ],
)
def test_the_layer_of_a_wrong_tensor_is_the_first_and_the_only_one(
    framework: FrameworkName, key: str, spoilt: dict[FrameworkName, Net]
) -> None:
    load(spoilt[framework], **{key: lambda v: v * 1.01})
    seen = found(spoilt[framework])
    layer = key.rpartition(".")[0]
    assert seen.chained is not None
    assert seen.chained[0] == layer
    assert list(seen.forced) == [layer]


def test_two_wrong_layers_are_both_named_in_execution_order(
    spoilt: dict[FrameworkName, Net],
) -> None:
    keys = ("layer4.0.bn1.bias", "layer1.0.conv3.weight")
    load(spoilt["paddle"], **{key: lambda v: -v for key in keys})
    seen = found(spoilt["paddle"])
    assert list(seen.forced) == ["layer1.0.conv3", "layer4.0.bn1"]
    assert seen.chained is not None
    assert seen.chained[0] == "layer1.0.conv3"


def test_a_wrong_operation_is_named_by_the_layers_that_do_it(
    spoilt: dict[FrameworkName, Net], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The kernels of the involutions are right; what is done with them is not.
    load(spoilt["torch"])
    right = involution_torch.involution

    def wrong(*args: Any, **options: Any) -> Any:
        return right(*args, **options) * 1.001

    monkeypatch.setattr(involution_torch, "involution", wrong)
    layers = list(found(spoilt["torch"], "paddle").forced)
    assert layers[:3] == ["stem.1", "layer1.0.conv2", "layer2.0.conv2"]
    assert len(layers) == 9


def test_a_setting_is_found_too(spoilt: dict[FrameworkName, Net]) -> None:
    backend, model = spoilt["paddle"]
    load(spoilt["paddle"])
    undo = backend.alter(model, "layer2.0.bn3", "eps", 1.1e-5)
    try:
        assert list(found(spoilt["paddle"]).forced) == ["layer2.0.bn3"]
    finally:
        undo()


def test_a_nan_parts_the_nets_where_it_is(spoilt: dict[FrameworkName, Net]) -> None:
    load(spoilt["torch"], **{"layer3.0.bn1.bias": lambda v: v * np.nan})
    seen = found(spoilt["torch"], "paddle")
    assert list(seen.forced) == ["layer3.0.bn1"]


def test_the_error_names_layer_difference_tensor_and_its_source(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(mapping: Mapping, source: StateDict) -> StateDict:
        state = apply(mapping, source)
        return {**state, "layer2.0.bn1.bias": -state["layer2.0.bn1.bias"]}

    monkeypatch.setattr("convert.pipeline.apply", faulty)
    with pytest.raises(VerificationError) as caught:
        convert(Request("rednet26", checkpoint=official, out=tmp_path))
    assert listing(tmp_path) == {}
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("rednet26: the torch and the paddle net disagree by ")
    assert lines[0] == "  returned: layer2.0.bn1.bias differs in 128 of 128 numbers"
    assert lines[1].startswith("  the nets part at layer2.0.bn1, by 0.")
    assert lines[2].startswith(
        "  given the source's own input, layer2.0.bn1 is the first layer that differs"
    )
    assert lines[3:] == [
        "  layer2.0.bn1.bias differs in 128 of 128 numbers, from what the plan makes "
        "of backbone.layer2.0.bn1.bias"
    ]


def test_tensors_that_agree_do_not_hide_nets_that_do_not(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the Paddle net had been written with another momentum: no logit tells."""
    backend = get_backend("paddle")
    build = type(backend).build

    def other(self: Backend, *args: Any, **options: Any) -> Any:
        model = build(self, *args, **options)
        self.alter(model, "stem.2", "momentum", 0.9)
        return model

    monkeypatch.setattr(type(backend), "build", other)
    with pytest.raises(VerificationError) as caught:
        convert(Request("rednet26", checkpoint=official, out=tmp_path))
    text = str(caught.value)
    assert "the torch and the paddle net agree in float64, but not everything" in text
    assert "settings: stem.2 (batch_norm): momentum is 0.9, expected 0.1" in text
    assert listing(tmp_path) == {}


def test_a_net_that_does_not_hold_what_it_was_given_is_refused(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = get_backend("paddle")
    state = type(backend).state

    def other(self: Backend, model: Any) -> StateDict:
        held = state(self, model)
        return {**held, "fc.bias": held["fc.bias"] + 1}

    monkeypatch.setattr(type(backend), "state", other)
    with pytest.raises(VerificationError) as caught:
        convert(Request("rednet26", checkpoint=official, out=tmp_path))
    assert "loaded: fc.bias differs in 1,000 of 1,000 numbers" in str(caught.value)
    assert listing(tmp_path) == {}
