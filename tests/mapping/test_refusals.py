"""What does not fit is refused, all of it in one error."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from ppim_port.errors import MappingError
from ppim_port.mapping import apply
from ppim_port.state_dict import Array, FrameworkName, StateDict
from tests.mapping.plans import planned
from tests.support.states import made_state, rednet

FC = "head.fc.weight"
CONV = "backbone.stem.0.conv.weight"


@pytest.fixture(scope="module")
def good() -> StateDict:
    return made_state(rednet(), "official")


@pytest.fixture
def state(good: StateDict) -> StateDict:
    """One to spoil: keys may be changed, arrays not."""
    return dict(good)


def refusal(state: StateDict, source: FrameworkName = "torch") -> str:
    with pytest.raises(MappingError) as caught:
        planned(state, source)
    return str(caught.value)


def test_all_problems_are_named_in_one_error(state: StateDict) -> None:
    del state["backbone.stem.2.bias"]
    state["stray"] = np.zeros(1, np.float32)
    state[CONV] = np.zeros((32, 3, 5, 5), np.float32)
    state["head.fc.bias"] = np.zeros(1000, np.float64)
    assert refusal(state) == (
        "net.pth: its 251 keys do not fit rednet26; 4 problems, nothing was "
        "converted:\n"
        "  missing: backbone.stem.2.bias\n"
        "  unexpected: stray\n"
        f"  shape: {CONV} is [32, 3, 5, 5], expected [32, 3, 3, 3]\n"
        "  dtype: head.fc.bias is float64, expected float32"
    )


def test_all_missing_and_all_unexpected_keys_are_named_sorted(state: StateDict) -> None:
    gone = sorted(key for key in state if key.startswith("backbone.layer3.1."))
    for key in gone:
        del state[key]
    state |= dict.fromkeys(("z", "a"), np.zeros(1, np.float32))
    named = re.findall(r"^  (missing|unexpected): (.*)$", refusal(state), re.MULTILINE)
    wanted = [key for key in gone if "num_batches" not in key]
    assert [key for kind, key in named if kind == "missing"] == wanted
    assert [key for kind, key in named if kind == "unexpected"] == ["a", "z"]


@pytest.mark.parametrize("dtype", ["float64", "int32", "uint16", "bool", "complex64"])
def test_other_dtypes_are_refused(dtype: str, state: StateDict) -> None:
    state[CONV] = state[CONV].astype(dtype)
    assert f"dtype: {CONV} is {dtype}, expected float32" in refusal(state)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_a_counter_of_another_dtype_is_refused(dtype: str, state: StateDict) -> None:
    key = "backbone.stem.2.num_batches_tracked"
    state[key] = state[key].astype(dtype)
    assert f"dtype: {key} is {dtype}, expected int64" in refusal(state)


@pytest.mark.parametrize(
    "value",
    [
        np.zeros((2048, 1000), np.float32),
        np.zeros((1000, 2048, 1, 1), np.float32),
        np.zeros(1000, np.float32),
        np.zeros((), np.float32),
    ],
    ids=lambda value: str(value.shape),
)
def test_a_classifier_of_another_layout_is_refused(
    value: Array, state: StateDict
) -> None:
    state[FC] = value
    assert f"shape: {FC} is {list(value.shape)}, expected" in refusal(state)


def test_a_weight_and_a_bias_that_disagree_on_the_classes_are_refused(
    state: StateDict,
) -> None:
    state[FC] = state[FC][:10]
    assert "shape: head.fc.bias is [1000], expected [10]" in refusal(state)


@pytest.mark.parametrize("outputs", [17, 32, 72])
def test_an_impossible_stem_is_refused(outputs: int, state: StateDict) -> None:
    key = "backbone.stem.1.conv2.conv.weight"
    state[key] = np.zeros((outputs, 8, 1, 1), np.float32)
    assert f"{outputs} outputs fit no involution kernel" in refusal(state)


def test_another_variant_is_refused_with_its_counts(state: StateDict) -> None:
    with pytest.raises(MappingError, match="its 251 keys do not fit rednet50"):
        planned(state, variant="50")


def test_the_other_frameworks_names_are_refused() -> None:
    text = refusal(made_state(rednet(), "paddle"), "torch")
    assert "missing: stem.2.running_mean" in text
    assert "unexpected: stem.2._mean" in text
    assert "shape: fc.weight is [2048, 1000]" in text


@pytest.mark.parametrize("state", [{}, {"x": np.zeros(1)}], ids=["empty", "stranger"])
def test_something_else_is_refused(state: StateDict) -> None:
    assert f"its {len(state)} keys do not fit rednet26" in refusal(state)


def mixed(state: StateDict) -> Iterator[tuple[str, Array]]:
    """Half of the keys as a wrapped net would have them."""
    for index, (key, value) in enumerate(state.items()):
        yield (f"module.{key}" if index % 2 else key), value


def test_a_mixed_spelling_is_refused(state: StateDict) -> None:
    text = refusal(dict(mixed(state)))
    assert "missing: " in text
    assert "unexpected: " in text


def test_a_plan_is_refused_for_another_state_dict(state: StateDict) -> None:
    mapping = planned(state)
    state["stray"] = state.pop(CONV)
    with pytest.raises(MappingError) as caught:
        apply(mapping, state)
    assert str(caught.value) == (
        "The plan does not cover this state dict; nothing was done:\n"
        "  not in the plan: stray\n"
        f"  not in the source: {CONV}"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.zeros((3, 32, 3, 3), np.float32), r"float32 \[3, 32, 3, 3\] after rename"),
        (np.zeros((32, 3, 3, 3), np.float64), r"float64 \[32, 3, 3, 3\] after rename"),
    ],
    ids=["shape", "dtype"],
)
def test_a_tensor_that_is_not_as_planned_is_refused(
    value: Array, said: str, state: StateDict
) -> None:
    mapping = planned(state)
    state[CONV] = value
    with pytest.raises(MappingError, match=f"{CONV}: {said}, planned float32"):
        apply(mapping, state)
