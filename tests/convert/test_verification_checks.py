"""Each check by itself: it sees what it is for, and NaN passes none of them."""

from __future__ import annotations

import numpy as np
import pytest

from convert.verification.gradients import unlike_gradients
from convert.verification.numbers import (
    difference_of_whole,
    relative_difference,
    worst,
)
from convert.verification.settings import unlike_settings
from convert.verification.tensors import bad, digest, loaded, ported, returned, unlike
from ppim_port.backends.layers import LayerDescription, Layers
from ppim_port.errors import MappingError
from ppim_port.manifest import load_manifest
from ppim_port.state_dict import Array, FrameworkName, StateDict
from tests.mapping.plans import OTHER
from tests.support.states import made_state, rednet

SMALL = rednet(num_classes=3)
RECORD = load_manifest().model("rednet26")
NAN = float("nan")

both = pytest.mark.parametrize("start", ["torch", "paddle"])


def pair(start: FrameworkName) -> tuple[StateDict, StateDict]:
    """The same net in both frameworks."""
    return made_state(SMALL, start), made_state(SMALL, OTHER[start])


def lines(start: FrameworkName, source: StateDict, found: StateDict) -> list[str]:
    seen = returned(source, found, RECORD, start=start, end=OTHER[start])
    assert all(finding.check == "returned" for finding in seen)
    return [finding.text for finding in seen]


def float32(*values: float) -> Array:
    return np.array(values, np.float32)


@both
def test_a_right_port_comes_back_without_a_word(start: FrameworkName) -> None:
    assert lines(start, *pair(start)) == []


@both
def test_what_was_dropped_is_not_asked_for_and_all_else_is(
    start: FrameworkName,
) -> None:
    source, found = pair(start)
    wrong = {key: value + 1 for key, value in source.items()}
    named = {line.partition(" ")[0] for line in lines(start, wrong, found)}
    counters = {key for key in source if key.endswith("num_batches_tracked")}
    assert named == source.keys() - counters
    assert len(named) == 211


@both
def test_one_bit_is_seen_and_its_key_named(start: FrameworkName) -> None:
    source, found = pair(start)
    bias = found["fc.bias"]
    bias[1] = np.nextafter(bias[1], np.float32(9), dtype=np.float32)
    assert lines(start, source, found) == ["fc.bias differs in 1 of 3 numbers"]


@both
def test_a_half_precision_source_comes_back_widened(start: FrameworkName) -> None:
    source, _ = pair(start)
    half = {
        k: v.astype(np.float16) if v.dtype == np.float32 else v
        for k, v in source.items()
    }
    own, _ = ported(half, RECORD, start=start, end=start)
    found, _ = ported(half, RECORD, start=start, end=OTHER[start])
    assert {v.dtype.name for v in own.values()} <= {"float32", "int64"}
    assert lines(start, own, found) == []


@both
def test_keys_that_do_not_fit_are_refused(start: FrameworkName) -> None:
    source, found = pair(start)
    del found["fc.bias"]
    with pytest.raises(MappingError, match=r"missing: fc\.bias"):
        lines(start, source, found)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (float32(1, 2), "a differs in 1 of 2 numbers"),
        (float32(1, NAN), "a holds NaN or infinities"),
        (float32(1, np.inf), "a holds NaN or infinities"),
        (np.array([1, 3]), "a is int64 [2], expected float32 [2]"),
        (float32(1, 3, 0), "a is float32 [3], expected float32 [2]"),
    ],
)
def test_unlike_tensors_are_named_with_the_reason(found: Array, said: str) -> None:
    assert list(unlike({"a": float32(1, 3)}, {"a": found})) == [said]


def test_a_nan_is_not_even_itself() -> None:
    state = {"a": float32(1, NAN)}
    assert list(unlike(state, state)) == ["a holds NaN or infinities"]
    assert [finding.check for finding in loaded(state, state)] == ["loaded"]
    assert [finding.check for finding in bad(state)] == ["values"]


def test_an_absent_tensor_and_a_stray_one_are_seen_in_a_net() -> None:
    found = loaded({"a": float32(1)}, {"b": float32(1)})
    assert [finding.text for finding in found] == [
        "a is not there",
        "b is held and was not loaded",
    ]


def test_minus_zero_is_another_tensor() -> None:
    assert list(unlike({"a": float32(0.0)}, {"a": float32(-0.0)})) != []


def test_a_digest_changes_with_key_dtype_shape_and_value() -> None:
    states: list[StateDict] = [
        {"a": float32(1, 2)},
        {"b": float32(1, 2)},
        {"a": float32(1, 3)},
        {"a": float32(1, 2).reshape(2, 1)},
        {"a": float32(1, 2).view(np.int32)},
        {"a": float32(1), "b": float32(2)},
    ]
    assert len({digest(state) for state in states}) == len(states)
    ordered, reverse = {"a": float32(1), "b": float32(2)}, {}
    for key in reversed(ordered):
        reverse[key] = ordered[key]
    assert digest(ordered) == digest(reverse)


def conv(**settings: object) -> Layers:
    values = {"stride": (1, 1), "eps": 1e-5, **settings}
    return {"c": LayerDescription("conv", values, "Conv")}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (conv(), []),
        (conv(stride=(2, 2)), ["c (conv): stride is (2, 2), expected (1, 1)"]),
        (conv(eps=NAN), ["c (conv): eps is nan, expected 1e-05"]),
        (conv(extra=1), ["c (conv): extra is 1, expected None"]),
        ({}, ["c (Conv) is in the source's net alone"]),
        ({**conv(), "d": conv()["c"]}, ["d (Conv) is in the target's net alone"]),
        ({"c": LayerDescription("linear", {}, "Linear")}, ["c: conv became linear"]),
    ],
)
def test_settings_are_compared_layer_by_layer(target: Layers, said: list[str]) -> None:
    assert [finding.text for finding in unlike_settings(conv(), target)] == said


def test_a_layer_of_an_unknown_kind_is_equal_to_nothing() -> None:
    strange = {"c": LayerDescription(None, {}, "Swirl")}
    (finding,) = unlike_settings(strange, strange)
    assert finding.text == "c: Swirl and Swirl: we do not know how to compare them"


def test_nan_settings_are_unlike_themselves() -> None:
    assert len(unlike_settings(conv(eps=NAN), conv(eps=NAN))) == 1


@pytest.mark.parametrize("bad_value", [NAN, np.inf, -np.inf])
def test_no_difference_to_what_is_not_finite_is_small(bad_value: float) -> None:
    good, worse = np.array([[1.0, 2.0]]), np.array([[1.0, bad_value]])
    for function in (relative_difference, difference_of_whole):
        for one, other in ((good, worse), (worse, good), (worse, worse)):
            assert not function(one, other) <= 1e9


def test_other_shapes_are_far_apart() -> None:
    one, other = np.ones((1, 2)), np.ones((1, 3))
    assert not relative_difference(one, other) <= 1e9
    assert not difference_of_whole(one, other) <= 1e9


def test_a_layer_that_is_zero_everywhere_is_like_zero_alone() -> None:
    zero, other = np.zeros(3), np.array([0, 0, 1e-30])
    assert difference_of_whole(zero, zero) == 0
    assert not difference_of_whole(zero, other) <= 1e9


def test_the_worst_of_all_is_the_one_that_is_not_finite() -> None:
    reference = {"a": np.ones(2), "b": np.ones(2), "c": np.ones(2)}
    other = {"a": np.ones(2), "b": np.array([1, NAN]), "c": np.array([1, 3.0])}
    assert worst(reference, other)[0] == "b"
    del other["b"]
    assert worst(reference, other)[0] == "b"
    assert worst({"c": np.ones(2)}, other) == ("c", 2.0)


def test_a_gradient_in_one_net_alone_is_seen() -> None:
    one, two = {"a": np.ones(2)}, {"a": np.ones(2), "b": np.ones(1)}
    for expected, found in ((one, two), (two, one)):
        findings, _, _ = unlike_gradients(expected, found, 1e-9)
        assert "b has a gradient in one of the nets alone" in [
            finding.text for finding in findings
        ]
