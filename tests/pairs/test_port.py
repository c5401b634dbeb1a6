"""Every key has one fate; whatever does not fit is named and nothing is converted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ppim_port.errors import MappingError
from ppim_port.mapping import Action, Mapping, TensorInfo, describe
from ppim_port.pairs import Match, apply_port, classes_of, infer, plan_port
from ppim_port.pairs.port import native_state, wanted_keys
from ppim_port.pairs.records import IN_OUT, OUT_IN
from ppim_port.pairs.seeded import seeded_state
from ppim_port.state_dict import StateDict
from tests.pairs.made import MENDED, SAME, Net, pair_of, with_setting

NETS = pair_of("resnet18")
MATCH = infer(*NETS)
STORED = dict(NETS[0].tensors)


def square(package: str) -> Match:
    """A linear layer with as many outputs as inputs: both layouts fit its shape."""
    nets = []
    for name in ("torchvision", package):
        net = Net(name)  # type: ignore[arg-type]
        nets.append(net.done(net.linear("fc", net.add("flatten", [0]))))
    return infer(*nets)


@pytest.mark.parametrize("model", [*SAME, *MENDED])
def test_every_key_is_used_once_and_every_key_filled_once(model: str) -> None:
    for nets in (pair_of(model), pair_of(model)[::-1]):
        plan = plan_port(infer(*nets), nets[0].tensors)
        used = [fate.source for fate in plan.fates if fate.source]
        filled = [fate.target for fate in plan.fates if fate.target]
        assert sorted(used) == sorted(nets[0].tensors)
        assert filled == wanted_keys(nets[1])


def test_a_plan_and_its_inverse_give_every_tensor_back_bit_for_bit() -> None:
    state = seeded_state(NETS[0])
    there = apply_port(plan_port(MATCH, describe(state)), MATCH, state)
    back = infer(*NETS[::-1])
    again = apply_port(plan_port(back, describe(there)), back, there)
    assert list(again) == list(state)
    assert all(np.array_equal(again[key], value) for key, value in state.items())


def test_square_linear_is_transposed() -> None:
    match = square("paddle.vision")
    weight = np.arange(9, dtype=np.float32).reshape(3, 3)
    plan = plan_port(match, match.source.tensors)
    assert [fate.action for fate in plan.fates] == [Action.TRANSPOSE]
    ported = apply_port(plan, match, {"fc.weight": weight})
    assert np.array_equal(ported["fc.weight"], weight.T)


def test_square_linear_of_the_same_layout_is_not_transposed() -> None:
    """The layer's own layout decides, not the framework."""
    match = square("paddle.vision")
    target = with_setting(match.target, 2, "layout", OUT_IN)
    plan = plan_port(infer(match.source, target), match.source.tensors)
    assert [fate.action for fate in plan.fates] == [Action.COPY]
    assert match.target.ops[2].settings["layout"] == IN_OUT


def test_the_real_square_linear_is_transposed() -> None:
    nets = pair_of("vgg16")
    plan = plan_port(infer(*nets), nets[0].tensors)
    (fate,) = [fate for fate in plan.fates if fate.source == "classifier.3.weight"]
    assert (fate.action, fate.shape) == (Action.TRANSPOSE, (4096, 4096))


@pytest.mark.parametrize("key", [k for k in STORED if "num_batches" not in k])
def test_a_key_that_is_missing_is_named(key: str) -> None:
    stored = {k: info for k, info in STORED.items() if k != key}
    with pytest.raises(MappingError, match=f"1 problems.*\n  missing: {key}$"):
        plan_port(MATCH, stored)


def test_everything_that_does_not_fit_is_named_at_once() -> None:
    stored = {
        **STORED,
        "stray": TensorInfo((1,), "float32"),
        "conv1.weight": TensorInfo((64, 3, 3, 3), "float32"),
        "bn1.bias": TensorInfo((64,), "float64"),
    }
    del stored["fc.bias"]
    with pytest.raises(MappingError) as caught:
        plan_port(MATCH, stored, origin="f.pth")
    assert str(caught.value) == (
        "f.pth: its 122 keys do not fit torchvision:resnet18; 4 problems, nothing was "
        "converted:\n"
        "  dtype: bn1.bias is float64, expected float32\n"
        "  missing: fc.bias\n"
        "  shape: conv1.weight is [64, 3, 3, 3], expected [64, 3, 7, 7]\n"
        "  unexpected: stray"
    )


def edited(plan: Mapping, index: int, **changes: object) -> Mapping:
    fates = list(plan.fates)
    fates[index] = replace(fates[index], **changes)  # type: ignore[arg-type]
    return replace(plan, fates=tuple(fates))


@pytest.fixture(scope="module")
def state() -> StateDict:
    return seeded_state(NETS[0])


def test_a_plan_with_any_fate_deleted_doubled_or_retargeted_is_refused(
    state: StateDict,
) -> None:
    plan = plan_port(MATCH, STORED)
    wrong = [
        replace(plan, fates=plan.fates[:i] + plan.fates[i + 1 :])
        for i in range(len(plan.fates))
    ]
    wrong += [replace(plan, fates=(*plan.fates, fate)) for fate in plan.fates]
    for index, fate in enumerate(plan.fates):
        other = plan.fates[index - 1]
        if fate.target and other.target:
            wrong.append(edited(plan, index, target=other.target))
    for one in wrong:
        with pytest.raises(MappingError, match="nothing was done"):
            apply_port(one, MATCH, state)


def test_wrapped_keys_are_recognised() -> None:
    stored = {f"module.{key}": info for key, info in STORED.items()}
    plan = plan_port(MATCH, stored)
    assert plan.naming == "as the net, in module.*"
    assert plan.fates[0].source == "module.conv1.weight"


def test_torchvisions_own_old_densenet_keys_are_recognised() -> None:
    nets = pair_of("densenet121")
    old = {
        key.replace("norm1.", "norm.1.")
        .replace("norm2.", "norm.2.")
        .replace("conv1.", "conv.1.")
        .replace("conv2.", "conv.2."): info
        for key, info in nets[0].tensors.items()
        if not key.endswith("num_batches_tracked")
    }
    plan = plan_port(infer(*nets), old)
    assert plan.naming == "old DenseNet"
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    assert plan.target_count == len(nets[1].tensors)


def test_counters_may_be_absent_and_are_dropped_where_they_are_there() -> None:
    without = {k: i for k, i in STORED.items() if "num_batches" not in k}
    assert plan_port(MATCH, without).dropped == ()
    assert len(plan_port(MATCH, STORED).dropped) == 20


def test_counters_start_from_zero_on_the_way_to_pytorch() -> None:
    back = infer(*NETS[::-1])
    plan = plan_port(back, NETS[1].tensors)
    created = [fate for fate in plan.fates if fate.action is Action.CREATE]
    assert len(created) == 20
    assert plan.target_count == len(STORED)


def test_an_auxiliary_classifier_is_dropped_whole_or_absent_whole() -> None:
    nets = pair_of("inception_v3")
    match, stored = infer(*nets), dict(nets[0].tensors)
    plan = plan_port(match, stored)
    reasons = {f.reason for f in plan.dropped if f.source and "AuxLogits" in f.source}
    assert any(reason.startswith("auxiliary classifier") for reason in reasons)
    without = {key: info for key, info in stored.items() if "AuxLogits" not in key}
    assert plan_port(match, without).target_count == plan.target_count
    del stored["AuxLogits.fc.bias"]
    with pytest.raises(MappingError, match=r"missing: AuxLogits\.fc\.bias"):
        plan_port(match, stored)


def test_half_precision_is_widened_and_said() -> None:
    stored = {**STORED, "conv1.weight": TensorInfo((64, 3, 7, 7), "float16")}
    assert plan_port(MATCH, stored).fates[0].reason == (
        "float16 widened to float32, exactly"
    )


def test_the_number_of_classes_is_the_checkpoints_own() -> None:
    for net, shape in zip(NETS, ((7, 512), (512, 7)), strict=True):
        stored = {**net.tensors, "fc.weight": TensorInfo(shape, "float32")}
        assert classes_of(net, stored) == 7
    assert classes_of(NETS[0], {}) == 1000


def test_a_net_gets_its_own_names_and_the_counters_that_it_wants() -> None:
    state = {"module.conv1.weight": np.ones((64, 3, 7, 7), np.float32)}
    stored = {f"module.{k}": np.zeros(i.shape, i.dtype) for k, i in STORED.items()}
    own = native_state(NETS[0], {**stored, **state})
    assert list(own) == list(STORED)
    assert own["conv1.weight"].all()
