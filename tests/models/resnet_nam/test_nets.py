"""The whole nets: the same in both frameworks, and trained with the paper's penalty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ppim_port.backends import get_backend
from ppim_port.errors import InputSizeError
from ppim_port.mapping import Action, apply, describe, plan, tensors
from ppim_port.models.resnet_nam.family import FAMILY, PENALTY
from ppim_port.pairs.recorded import recorded
from ppim_port.pairs.records import NetName
from ppim_port.state_dict import FrameworkName, StateDict
from tests.mapping.plans import OTHER, bits
from tests.support.fake_backend import images_of
from tests.support.frameworks import nam_paddle_net, nam_torch_net, paddle, torch
from tests.support.nets import PARITY, net, relative
from tests.support.resnets import logits, resnet
from tests.support.states import layers_of, made_state

BOTH: tuple[FrameworkName, ...] = ("torch", "paddle")
QUICK = ("18_nam", "18_nam_pixel", "50_nam", "18_nam_imagenet")
OTHERS = [
    pytest.param(variant, marks=pytest.mark.slow)
    for variant in FAMILY.variants
    if variant not in QUICK
]


@pytest.mark.parametrize("variant", [*QUICK, *OTHERS])
def test_both_nets_give_the_same_logits(variant: str) -> None:
    config = resnet(variant)
    found, reference = (logits(name, images_of(2), config) for name in BOTH)
    assert found.shape == (2, 100)
    assert relative(found, reference) < PARITY


@pytest.mark.parametrize("variant", FAMILY.variants)
@pytest.mark.parametrize("framework", BOTH)
def test_a_nets_tensors_are_those_of_its_layers_in_their_order(
    framework: FrameworkName, variant: str
) -> None:
    nets = {"torch": nam_torch_net, "paddle": nam_paddle_net}
    with torch.device("meta"), paddle.LazyGuard():
        model: Any = nets[framework].build(resnet(variant))
    found = [(key, tuple(t.shape)) for key, t in model.state_dict().items()]
    specs = tensors(layers_of(resnet(variant)), framework)
    assert found == [(spec.key, spec.shape) for spec in specs]


def test_paddle_summary_prints_the_articles_23818788(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = nam_paddle_net.build(resnet("50_nam"))
    counted = paddle.summary(model, (1, 3, 32, 32))
    # This Paddle calls gamma and beta trainable, which the article's did not.
    assert counted == {"total_params": 23_818_788, "trainable_params": 23_735_460}
    assert "Non-trainable params: 83,328" in capsys.readouterr().out
    norms = [m for m in model.sublayers() if isinstance(m, paddle.nn.BatchNorm2D)]
    inside = sum(4 * norm._num_features for norm in norms)
    assert counted["total_params"] - inside == 23_652_132


@pytest.mark.parametrize("variant", ["18_nam_pixel", "50_nam"])
def test_gradients_are_the_same_in_both_frameworks(variant: str) -> None:
    config = resnet(variant, num_classes=10)
    state = made_state(config)
    mapping = plan(
        describe(state),
        family="resnet_nam",
        variant=variant,
        source_framework="torch",
        target_framework="paddle",
    )
    weights = np.random.default_rng(0).standard_normal((2, 10))
    found = []
    for name in BOTH:
        backend = get_backend(name)
        model = backend.build(config, precision="float64")
        backend.load(model, made_state(config, name))
        found.append(backend.gradients(model, images_of(2).astype("f8"), weights))
    torchs, paddles = found
    moved = {
        fate.target: torchs[fate.source].T
        if fate.action is Action.TRANSPOSE
        else torchs[fate.source]
        for fate in mapping.fates
        if fate.source in torchs and fate.target
    }
    assert set(moved) | {"input"} == set(paddles)
    for key, value in {**moved, "input": torchs["input"]}.items():
        assert np.abs(value - paddles[str(key)]).max() < PARITY * np.abs(value).max()


@pytest.mark.parametrize("variant", ["18_nam_pixel", "152_nam", "34_cifar"])
def test_official_names_go_to_paddle_and_back_bit_for_bit(variant: str) -> None:
    config = resnet(variant, num_classes=10)
    state = made_state(config)
    official = {FAMILY.namings[0].publish(key): a for key, a in state.items()}
    there = ported(official, variant, "torch")
    assert bits(there) == bits(made_state(config, "paddle"))
    back = ported(there, variant, "paddle")
    kept = [key for key in state if not key.endswith("num_batches_tracked")]
    assert bits({key: back[key] for key in kept}) == bits({k: state[k] for k in kept})


def ported(state: StateDict, variant: str, source: FrameworkName) -> StateDict:
    mapping = plan(
        describe(state),
        family="resnet_nam",
        variant=variant,
        source_framework=source,
        target_framework=OTHER[source],
    )
    return apply(mapping, state)


@pytest.mark.parametrize("depth", ["18", "34", "50", "101", "152"])
def test_the_plain_net_has_torchvisions_and_paddle_visions_tensors(depth: str) -> None:
    config = resnet(f"{depth}_imagenet", num_classes=1000)
    for framework, publisher in (("torch", "torchvision"), ("paddle", "paddle.vision")):
        specs = tensors(layers_of(config), framework)
        theirs = recorded(NetName(publisher, f"resnet{depth}")).tensors
        found = {key: tuple(info.shape) for key, info in theirs.items()}
        assert found == {spec.key: spec.shape for spec in specs}


@pytest.mark.parametrize("framework", BOTH)
def test_pixel_attention_refuses_other_sizes(framework: FrameworkName) -> None:
    with pytest.raises(InputSizeError, match="takes images of 32x32 alone"):
        logits(framework, images_of(1, 33), resnet("18_nam_pixel"))


@pytest.mark.parametrize("framework", BOTH)
@pytest.mark.parametrize("variant", ["18_nam", "18_nam_pixel"])
def test_the_penalty_is_the_sum_of_the_attentions_scales_and_no_others(
    framework: FrameworkName, variant: str
) -> None:
    config = resnet(variant)
    _, model = net(framework, config)
    scales = [
        np.abs(value).sum(dtype="f8")
        for key, value in made_state(config).items()
        if ".nam." in key and key.endswith("weight")
    ]
    assert len(scales) == (8 if variant == "18_nam" else 16)
    for strength in (PENALTY, 0.5):
        with torch.no_grad():
            found = float(model.sparsity_penalty(strength))
        assert found == pytest.approx(strength * sum(scales), rel=1e-5)
    with torch.no_grad():
        usual = float(model.sparsity_penalty())
    assert usual == pytest.approx(PENALTY * sum(scales), rel=1e-5)


@pytest.mark.parametrize("framework", BOTH)
def test_a_plain_net_has_no_penalty(framework: FrameworkName) -> None:
    assert net(framework, resnet("18_cifar"))[1].sparsity_penalty() == 0


@pytest.mark.parametrize("framework", BOTH)
def test_the_penaltys_gradient_is_the_sign_times_the_strength(
    framework: FrameworkName,
) -> None:
    model = get_backend(framework).build(resnet("18_nam_pixel"))
    model.sparsity_penalty(0.25).backward()
    norm = model.layer4[1].nam.pixel.bn
    assert np.array_equal(norm.weight.grad.numpy(), np.full(16, 0.25, "f4"))
    assert model.layer4[1].bn2.weight.grad is None


# Paddle says in every training step that it tracks statistics (paddlepaddle 3.3.1).
@pytest.mark.filterwarnings("ignore:When training, we now always track:UserWarning")
@pytest.mark.parametrize("framework", BOTH)
def test_the_net_learns(framework: FrameworkName) -> None:
    model = get_backend(framework).build(resnet("18_nam_pixel", num_classes=3))
    model.train()
    images = images_of(2)
    x = torch.from_numpy(images) if framework == "torch" else paddle.to_tensor(images)
    (model(x).sum() + model.sparsity_penalty()).backward()
    lacking = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None and not getattr(parameter, "stop_gradient", False)
    ]
    assert lacking == []
