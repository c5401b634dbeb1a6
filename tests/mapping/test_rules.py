"""The table between the frameworks, as stated and as listed for a whole net."""

from __future__ import annotations

import pytest

from ppim_port.mapping import LEAVES, tensors
from ppim_port.models.family import Layer
from ppim_port.state_dict import FrameworkName
from tests.support.states import VARIANTS, layers_of, made_state, rednet

CONV = Layer("c", "conv", (8, 4, 3, 3), bias=True)
NORM = Layer("n", "batch_norm", (8,))
LINEAR = Layer("f", "linear", (10, 4), bias=True)


def listed(layer: Layer, framework: FrameworkName) -> dict[str, tuple[int, ...]]:
    return {spec.key: spec.shape for spec in tensors([layer], framework)}


@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_a_convolution_is_the_same_in_both(framework: FrameworkName) -> None:
    assert listed(CONV, framework) == {"c.weight": (8, 4, 3, 3), "c.bias": (8,)}


@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_a_layer_without_a_bias_has_none(framework: FrameworkName) -> None:
    bare = Layer("c", "conv", (8, 4, 3, 3))
    assert listed(bare, framework) == {"c.weight": (8, 4, 3, 3)}


def test_a_linear_weight_is_declared_transposed() -> None:
    assert listed(LINEAR, "torch") == {"f.weight": (10, 4), "f.bias": (10,)}
    assert listed(LINEAR, "paddle") == {"f.weight": (4, 10), "f.bias": (10,)}


def test_a_batch_norm_has_other_names_and_no_counter_in_paddle() -> None:
    torchs = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
    paddles = {"weight", "bias", "_mean", "_variance"}
    assert listed(NORM, "torch").keys() == {f"n.{name}" for name in torchs}
    assert listed(NORM, "paddle").keys() == {f"n.{name}" for name in paddles}
    assert listed(NORM, "torch")["n.num_batches_tracked"] == ()


def test_only_counters_are_integers() -> None:
    dtypes = {spec.leaf.torch: spec.dtype for spec in tensors([NORM, LINEAR], "torch")}
    assert dtypes.pop("num_batches_tracked") == "int64"
    assert set(dtypes.values()) == {"float32"}


def test_only_linear_weights_are_transposed() -> None:
    turned = [
        (kind, leaf.torch)
        for kind, leaves in LEAVES.items()
        for leaf in leaves
        if leaf.transpose
    ]
    assert turned == [("linear", "weight")]


@pytest.mark.parametrize(
    "variant", ["26", *(pytest.param(v, marks=pytest.mark.slow) for v in VARIANTS[1:])]
)
@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_a_whole_net_is_listed_as_it_was_restated_by_hand(
    framework: FrameworkName, variant: str
) -> None:
    config = rednet(variant)
    restated = {
        key: (value.shape, value.dtype.name)
        for key, value in made_state(config, framework).items()
    }
    specs = tensors(layers_of(config), framework)
    assert {spec.key: (spec.shape, spec.dtype) for spec in specs} == restated
    assert [spec.key for spec in specs] == list(restated)
