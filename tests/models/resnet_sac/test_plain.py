"""A plain ResNet-50's weights make a resnet50_sac that gives the same logits."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppim_port.backends import get_backend
from ppim_port.checkpoint import write
from ppim_port.errors import MappingError
from ppim_port.factory import create_model
from ppim_port.mapping import Mapping, apply, describe, plan, tensors
from ppim_port.models.resnet_sac.family import FAMILY
from ppim_port.ops.saconv_numpy import adopted
from ppim_port.state_dict import FRAMEWORKS, Array, FrameworkName, StateDict
from tests.support.frameworks import paddle
from tests.support.nets import PARITY, relative
from tests.support.states import made_state, without_starts

CONFIG = FAMILY.configure("50", num_classes=7)
# The moments are rounded to float32 like the weights: 1.5e-7 measured.
ROUNDED = 2e-6
IMAGES = np.random.default_rng(2).standard_normal((1, 3, 97, 65))
every_framework = pytest.mark.parametrize("framework", FRAMEWORKS)


@cache
def plain_state(framework: FrameworkName) -> StateDict:
    """A trained ResNet-50's possible weights under a plain ResNet's keys."""
    return without_starts(made_state(CONFIG, framework), CONFIG)


def planned(state: StateDict, source: FrameworkName, target: FrameworkName) -> Mapping:
    return plan(
        describe(state),
        family="resnet_sac",
        variant="50",
        source_framework=source,
        target_framework=target,
        origin="plain.pth",
    )


@cache
def plain_logits() -> Array:
    """Of Paddle's own ResNet-50, which is nobody's of ours, in float64."""
    backend = get_backend("paddle")
    net: Any = paddle.vision.models.resnet50(num_classes=7)
    net.to(dtype="float64")
    net.eval()
    state = plain_state("paddle")
    backend.load(net, state)
    return backend.predict(net, IMAGES)


def test_the_plain_keys_are_those_of_the_frameworks_own_resnet() -> None:
    theirs = paddle.vision.models.resnet50(num_classes=7).state_dict()
    assert sorted(theirs) == sorted(plain_state("paddle"))
    assert len(plain_state("torch")) == 320


@pytest.mark.parametrize(
    ("source", "framework"),
    [
        ("torch", "paddle"),
        ("paddle", "torch"),
        pytest.param("torch", "torch", marks=pytest.mark.slow),
        pytest.param("paddle", "paddle", marks=pytest.mark.slow),
    ],
)
def test_plain_weights_give_the_plain_nets_logits(
    source: FrameworkName, framework: FrameworkName
) -> None:
    state = plain_state(source)
    mapping = planned(state, source, framework)
    backend = get_backend(framework)
    net = backend.build(CONFIG, precision="float64")
    backend.load(net, apply(mapping, state))
    assert relative(backend.predict(net, IMAGES), plain_logits()) < ROUNDED


@every_framework
def test_with_unrounded_moments_they_are_equal_in_float64(
    framework: FrameworkName,
) -> None:
    state = apply(
        planned(plain_state("torch"), "torch", framework), plain_state("torch")
    )
    double = {
        key: a if a.dtype == np.int64 else a.astype(np.float64)
        for key, a in state.items()
    }
    for key in [key for key in double if key.endswith(".weight_gamma")]:
        name = key.rpartition(".")[0]
        moments = adopted(double[f"{name}.weight"])
        double |= {f"{name}.{leaf}": value for leaf, value in moments.items()}
    backend = get_backend(framework)
    net = backend.build(CONFIG, precision="float64")
    backend.load(net, double)
    assert relative(backend.predict(net, IMAGES), plain_logits()) < PARITY


def test_what_is_created_says_from_what() -> None:
    mapping = planned(plain_state("torch"), "torch", "paddle")
    fates = {fate.target: fate for fate in mapping.fates}
    gamma = fates["layer2.0.conv2.weight_gamma"]
    assert (gamma.source, str(gamma.action)) == (None, "deviation")
    assert gamma.reason == (
        "not in a plain net; starts so that the logits are that net's"
    )
    tally = mapping.tally()
    assert (tally["deviation"], tally["mean"], tally["ones"]) == (53, 53, 13)
    assert tally["create"] == 6 * 13
    state = apply(mapping, plain_state("torch"))
    assert (state["layer4.2.conv2.switch.bias"] == 1).all()
    for leaf in ("switch.weight", "weight_diff", "pre_context.bias"):
        assert not state[f"layer4.2.conv2.{leaf}"].any()
    deviation = state["layer1.0.conv2.weight"].reshape(64, -1).astype(np.float64)
    expected = np.sqrt(deviation.var(axis=1, ddof=1) + 1e-5)
    found = state["layer1.0.conv2.weight_gamma"].ravel()
    assert np.array_equal(found, expected.astype(np.float32))


@pytest.mark.parametrize(
    "kept", ["conv1.weight_beta", "layer3.1.conv2.switch.bias"], ids=str
)
def test_a_file_that_has_a_part_of_it_is_a_damaged_one(kept: str) -> None:
    whole = made_state(CONFIG, "torch")
    with pytest.raises(MappingError) as caught:
        planned({**plain_state("torch"), kept: whole[kept]}, "torch", "paddle")
    text = str(caught.value)
    assert "do not fit resnet50_sac" in text
    missing = len(whole) - len(plain_state("torch")) - 1
    assert text.count("missing: ") == missing
    assert "missing: layer2.0.conv2.weight_diff" in text


def test_a_plain_net_is_not_said_to_be_a_switchable_one() -> None:
    """Only that it could become one, by whoever asks for that."""
    with pytest.raises(MappingError) as caught:
        plan(
            describe(plain_state("torch")),
            family="rednet",
            variant="50",
            source_framework="torch",
            target_framework="paddle",
        )
    assert "resnet50_sac" not in str(caught.value)
    assert (
        not planned(made_state(CONFIG, "torch"), "torch", "torch").tally().get("create")
    )


@every_framework
def test_create_model_takes_a_plain_file(
    framework: FrameworkName, tmp_path: Path
) -> None:
    path = tmp_path / "resnet50.pth"
    write(plain_state("torch"), path, kind="pth", framework="torch")
    model = create_model("resnet50_sac", framework=framework, weights=path)
    found = get_backend(framework).state(model)
    assert sorted(found) == sorted(
        spec.key for spec in tensors(FAMILY.layers(CONFIG), framework)
    )
    weight = plain_state("torch")["layer3.0.conv2.weight"]
    assert np.array_equal(found["layer3.0.conv2.weight"], weight)
