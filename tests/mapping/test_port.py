"""Planned and applied: every value arrives, unchanged, where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from ppim_port.mapping import Action, apply
from ppim_port.state_dict import FrameworkName, StateDict
from tests.mapping.plans import OTHER, bits, planned
from tests.support.fake_backend import images_of
from tests.support.nets import PARITY, logits, relative
from tests.support.states import (
    PUBLISHED_COUNTS,
    VARIANTS,
    Spelling,
    made_state,
    rednet,
)

EXPENSIVE = [
    pytest.param(v, marks=[] if v in ("26", "50") else pytest.mark.slow)
    for v in VARIANTS
]  # the other three only make more of the same keys


@pytest.fixture(scope="module")
def official() -> StateDict:
    return made_state(rednet(), "official")


@pytest.mark.parametrize("variant", EXPENSIVE)
def test_the_official_file_becomes_paddles_net(variant: str) -> None:
    config = rednet(variant)
    state = made_state(config, "official")
    ported = apply(planned(state, variant=variant), state)
    expected = made_state(config, "paddle")
    assert list(ported) == list(expected)
    assert bits(ported) == bits(expected)


@pytest.mark.parametrize("variant", EXPENSIVE)
def test_there_and_back_is_the_same_bit_for_bit(variant: str) -> None:
    state = made_state(rednet(variant), "torch")
    ported = apply(planned(state, variant=variant), state)
    back = apply(planned(ported, "paddle", variant=variant), ported)
    assert list(back) == list(state)
    counters = [key for key in state if key.endswith("num_batches_tracked")]
    assert [back.pop(key) for key in counters] == [0] * len(counters)
    assert bits(back) == bits({k: v for k, v in state.items() if k not in counters})


@pytest.mark.parametrize("variant", EXPENSIVE)
def test_counts_are_the_published_ones(variant: str) -> None:
    mapping = planned(made_state(rednet(variant), "official"), variant=variant)
    counts = (mapping.source_count, len(mapping.dropped), mapping.target_count)
    assert counts == PUBLISHED_COUNTS[variant][:3]


@pytest.mark.parametrize("source", ["torch", "paddle"])
def test_every_source_key_is_used_once_and_every_target_key_filled_once(
    source: FrameworkName,
) -> None:
    state = made_state(rednet(), source)
    fates = planned(state, source).fates
    used = [fate.source for fate in fates if fate.source is not None]
    filled = [fate.target for fate in fates if fate.target is not None]
    assert sorted(used) == sorted(state)
    assert filled == list(made_state(rednet(), OTHER[source]))


def test_the_tally_names_what_happens_to_the_keys(official: StateDict) -> None:
    # Every official key is renamed, if only by its prefix.
    assert planned(official).tally() == {"rename": 210, "drop": 40, "transpose": 1}


def test_dropped_keys_are_listed_with_their_reason(official: StateDict) -> None:
    dropped = planned(official).dropped
    assert {fate.source.rpartition(".")[2] for fate in dropped if fate.source} == {
        "num_batches_tracked"
    }
    assert {fate.action for fate in dropped} == {Action.DROP}
    assert {fate.reason for fate in dropped} == {
        "no counterpart in the target; evaluation never reads it"
    }


@pytest.mark.parametrize(
    ("spelling", "name"), [("official", "official"), ("torch", "plain")]
)
def test_spellings_are_recognised_and_named(spelling: Spelling, name: str) -> None:
    state = made_state(rednet(), spelling)
    assert planned(state).naming == name
    wrapped = {f"module.{key}": value for key, value in state.items()}
    mapping = planned(wrapped)
    assert mapping.naming == f"{name}, in module.*"
    assert bits(apply(mapping, wrapped)) == bits(made_state(rednet(), "paddle"))


@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_within_a_framework_nothing_is_turned_or_dropped(
    framework: FrameworkName,
) -> None:
    state = made_state(rednet(), framework)
    mapping = planned(state, framework, framework)
    assert mapping.tally() == {"copy": len(state)}
    assert bits(apply(mapping, state)) == bits(state)


@pytest.mark.parametrize("source", ["torch", "paddle"])
def test_a_square_linear_is_transposed(source: FrameworkName) -> None:
    square = rednet(num_classes=2048)
    state = made_state(square, source)
    mapping = planned(state, source)
    ported = apply(mapping, state)
    assert mapping.config == square
    assert np.array_equal(ported["fc.weight"], state["fc.weight"].T)
    assert not np.array_equal(ported["fc.weight"], state["fc.weight"])
    assert ported["fc.weight"].flags.c_contiguous


def test_an_absent_counter_is_created_as_zero(official: StateDict) -> None:
    key = "stem.2.num_batches_tracked"
    state = {k: v for k, v in official.items() if k != f"backbone.{key}"}
    mapping = planned(state, "torch", "torch")
    (created,) = (fate for fate in mapping.fates if fate.source is None)
    assert (created.target, created.action) == (key, Action.CREATE)
    assert "starts from 0" in created.reason
    assert bits({key: apply(mapping, state)[key]}) == bits({key: np.array(0)})


def test_an_absent_counter_does_not_hinder_the_way_to_paddle(
    official: StateDict,
) -> None:
    state = {k: v for k, v in official.items() if "num_batches" not in k}
    mapping = planned(state)
    assert mapping.dropped == ()
    assert bits(apply(mapping, state)) == bits(made_state(rednet(), "paddle"))


def test_half_precision_is_widened_exactly_and_said_so(official: StateDict) -> None:
    half = {
        key: value.astype(np.float16) if value.dtype == np.float32 else value
        for key, value in official.items()
    }
    mapping = planned(half)
    widened = [fate for fate in mapping.fates if "widened" in fate.reason]
    assert len(widened) == mapping.target_count == 211
    assert "float16 widened to float32, exactly" in widened[0].reason
    ported = apply(mapping, half)
    back = {key: value.astype(np.float16) for key, value in ported.items()}
    assert {value.dtype for value in ported.values()} == {np.dtype(np.float32)}
    expected = made_state(rednet(), "paddle")
    assert bits(back) == bits({k: v.astype(np.float16) for k, v in expected.items()})


def test_the_source_is_left_as_it_was(official: StateDict) -> None:
    frozen = {key: value.copy() for key, value in official.items()}
    for value in frozen.values():
        value.flags.writeable = False
    apply(planned(frozen), frozen)
    assert bits(frozen) == bits(official)


def test_untouched_values_are_not_copied(official: StateDict) -> None:
    ported = apply(planned(official), official)
    moved = ported["layer1.0.conv1.weight"]
    assert np.shares_memory(moved, official["backbone.layer1.0.conv1.weight"])


def test_a_seven_pixel_stem_is_recognised_ported_and_runs_alike() -> None:
    config = rednet(stem_kernel_size=7)
    state = made_state(config, "official")
    mapping = planned(state)
    assert mapping.config == config
    assert bits(apply(mapping, state)) == bits(made_state(config, "paddle"))
    found, reference = (logits(f, images_of(1), config) for f in ("torch", "paddle"))
    assert relative(found, reference) < PARITY
