"""Frozen stages: what trains, what does not, and that `train()` cannot undo it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppim_port.errors import UsageError
from ppim_port.factory import create_model
from ppim_port.manifest import load_manifest
from ppim_port.state_dict import FRAMEWORKS, FrameworkName
from tests.support.fake_backend import images_of
from tests.support.frameworks import paddle, torch

# Every batch norm of Paddle that trains warns of it (paddlepaddle 3.3.1).
pytestmark = pytest.mark.filterwarnings(
    "ignore:When training, we now always track:UserWarning"
)
both = pytest.mark.parametrize("framework", FRAMEWORKS)
SMALLEST = {
    record.family: record.name for record in reversed(load_manifest().models.values())
}
STEMS = {
    "rednet": ("stem.",),
    "resnet_nam": ("conv1.", "bn1."),
    "resnet_sac": ("conv1.", "bn1."),
    "efficientnet_lite": ("conv_stem.", "bn0."),
}
STAGE1 = dict.fromkeys(STEMS, "layer1.") | {"efficientnet_lite": "blocks.0."}


def made(framework: FrameworkName, name: str = "rednet26") -> Any:
    return create_model(name, framework=framework, num_classes=3)


def trained(model: Any) -> set[str]:
    """The parameters that get gradients."""
    return {
        name
        for name, p in model.named_parameters()
        if not getattr(p, "stop_gradient", not p.requires_grad)
    }


def frozen(model: Any) -> set[str]:
    """The others, without a batch norm's statistics: Paddle counts them in."""
    others = {name for name, _ in model.named_parameters()} - trained(model)
    return {name for name in others if not name.endswith(("._mean", "._variance"))}


def norms(model: Any) -> dict[str, Any]:
    named = getattr(model, "named_modules", None) or model.named_sublayers
    return {n: m for n, m in named() if type(m).__name__.startswith("BatchNorm2")}


def statistics(model: Any) -> dict[str, Any]:
    ends = ("running_mean", "_mean", "running_var", "_variance")
    state = model.state_dict().items()
    return {k: np.array(t.numpy()) for k, t in state if k.endswith(ends)}


def step(model: Any, framework: FrameworkName, size: int = 64) -> dict[str, Any]:
    """A forward and backward pass; the gradients that there are."""
    images = images_of(2, size)
    if framework == "torch":
        model(torch.from_numpy(images)).square().sum().backward()
    else:
        model(paddle.to_tensor(images)).square().sum().backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("family", STEMS)
@both
def test_the_stem_and_so_many_stages_are_frozen(
    family: str, framework: FrameworkName
) -> None:
    model = made(framework, SMALLEST[family])
    names = {name for name, _ in model.named_parameters()}
    names = {n for n in names if not n.endswith(("._mean", "._variance"))}
    model.freeze(0)
    assert frozen(model) == {n for n in names if n.startswith(STEMS[family])}
    model.freeze(1)
    until = (*STEMS[family], STAGE1[family])
    assert frozen(model) == {n for n in names if n.startswith(until)}
    model.freeze(-1)
    assert frozen(model) == set()
    # Statistics of a batch norm must not begin to train in Paddle.
    assert trained(model) == names


@both
def test_only_what_is_not_frozen_gets_gradients_and_new_statistics(
    framework: FrameworkName,
) -> None:
    model = made(framework)
    model.freeze(1)
    model.train()
    before = statistics(model)
    gradients = step(model, framework)
    after = statistics(model)
    kept = ("stem.", "layer1.")
    assert gradients.keys() == trained(model)
    assert not any(name.startswith(kept) for name in gradients)
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert moved == {name for name in before if not name.startswith(kept)}


@both
def test_norm_eval_keeps_all_statistics_and_trains_their_weights(
    framework: FrameworkName,
) -> None:
    model = made(framework)
    model.freeze(0, norm_eval=True)
    model.train()
    assert model.training
    assert model.layer4.training
    assert not any(norm.training for norm in norms(model).values())
    before = statistics(model)
    gradients = step(model, framework)
    after = statistics(model)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert "layer4.0.bn3.weight" in gradients


@both
def test_frozen_norms_evaluate_within_another_net(framework: FrameworkName) -> None:
    inner = made(framework)
    inner.freeze(2)
    nn = torch.nn if framework == "torch" else paddle.nn
    outer = nn.Sequential(inner, nn.ReLU())
    before = statistics(inner)
    outer.train()
    step(outer, framework)
    after = statistics(inner)
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    kept = ("stem.", "layer1.", "layer2.")
    assert moved == {name for name in before if not name.startswith(kept)}


@both
def test_what_is_thawed_trains_again(framework: FrameworkName) -> None:
    model = made(framework)
    model.train()
    model.freeze(2, norm_eval=True)
    model.freeze(0)
    inside = norms(model)
    assert {n for n, m in inside.items() if not m.training} == {
        n for n in inside if n.startswith("stem.")
    }
    before = statistics(model)
    step(model, framework)
    after = statistics(model)
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert moved == {name for name in before if not name.startswith("stem.")}


@both
def test_freezing_leaves_an_evaluating_net_evaluating(framework: FrameworkName) -> None:
    model = made(framework)
    model.freeze(1)
    assert not model.training
    assert not any(norm.training for norm in norms(model).values())
    model.train()
    model.eval()
    assert not any(norm.training for norm in norms(model).values())


@pytest.mark.parametrize("stages", [-2, 5])
@both
def test_other_numbers_of_stages_are_refused(
    framework: FrameworkName, stages: int
) -> None:
    model = made(framework)
    with pytest.raises(UsageError) as caught:
        model.freeze(stages)
    assert str(caught.value) == (
        f"Cannot freeze {stages} stages of 4: expected -1 for none, 0 for the stem, or "
        "1 to 4. Nothing was changed."
    )
    assert frozen(model) == set()
