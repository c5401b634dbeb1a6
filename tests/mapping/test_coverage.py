"""A plan with one fate changed is never carried out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppim_port.errors import MappingError
from ppim_port.mapping import Fate, Mapping, TensorInfo, apply, tensors
from ppim_port.state_dict import FrameworkName, StateDict
from tests.mapping.plans import planned_from
from tests.support.states import VARIANTS, layers_of, rednet

BOTH: tuple[FrameworkName, ...] = ("torch", "paddle")


@cache
def plan_and_state(source: FrameworkName, variant: str) -> tuple[Mapping, StateDict]:
    """A good plan, and a state dict with its keys and shapes that takes no memory."""
    specs = tensors(layers_of(rednet(variant)), source)
    infos = {spec.key: TensorInfo(spec.shape, spec.dtype) for spec in specs}
    state = {
        spec.key: np.broadcast_to(np.zeros((), spec.dtype), spec.shape)
        for spec in specs
    }
    return planned_from(infos, source, variant=variant), state


def changes(fates: tuple[Fate, ...], at: int) -> Iterator[tuple[str, tuple[Fate, ...]]]:
    """Every way to spoil one fate."""
    fate, other = fates[at], fates[at - 1]
    before, after = fates[:at], fates[at + 1 :]
    yield "deleted", (*before, *after)
    yield "twice", (*fates, fate)
    if fate.target is not None:
        target = other.target or fates[at - 2].target
        yield "target of another", (*before, replace(fate, target=target), *after)
        yield "target astray", (*before, replace(fate, target="astray"), *after)
        yield "not kept", (*before, replace(fate, target=None), *after)
    else:
        yield "kept astray", (*before, replace(fate, target="astray"), *after)
    if fate.source is not None:
        source = other.source or fates[at - 2].source or "astray"
        yield "source of another", (*before, replace(fate, source=source), *after)
        yield "source astray", (*before, replace(fate, source="astray"), *after)
        yield "not read", (*before, replace(fate, source=None), *after)


def passing(source: FrameworkName, variant: str, at: int) -> list[str]:
    """The spoilt plans that are carried out all the same."""
    mapping, state = plan_and_state(source, variant)
    found = []
    for name, fates in changes(mapping.fates, at):
        try:
            apply(replace(mapping, fates=fates), state)
        except MappingError as error:
            assert "nothing was done" in str(error)  # noqa: PT017  # many in a loop
        else:
            found.append(name)
    return found


@pytest.mark.parametrize("source", BOTH)
@pytest.mark.parametrize("at", [0, 1, 2, 5, 6, 120, -3, -2, -1])
def test_a_spoilt_fate_is_caught(source: FrameworkName, at: int) -> None:
    assert passing(source, "26", at % len(plan_and_state(source, "26")[0].fates)) == []


@settings(max_examples=60, deadline=None)
@given(data=st.data(), source=st.sampled_from(BOTH), variant=st.sampled_from(VARIANTS))
def test_any_spoilt_fate_of_any_net_is_caught(
    data: st.DataObject, source: FrameworkName, variant: str
) -> None:
    fates = plan_and_state(source, variant)[0].fates
    at = data.draw(st.integers(0, len(fates) - 1))
    assert passing(source, variant, at) == []


@pytest.mark.slow
@pytest.mark.parametrize("source", BOTH)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_spoilt_fate_is_caught(source: FrameworkName, variant: str) -> None:
    fates = plan_and_state(source, variant)[0].fates
    found = {at: passing(source, variant, at) for at in range(len(fates))}
    assert {at: names for at, names in found.items() if names} == {}


@pytest.mark.parametrize("source", BOTH)
@pytest.mark.parametrize("at", [2, -1])
def test_the_error_names_the_keys(source: FrameworkName, at: int) -> None:
    mapping, state = plan_and_state(source, "26")
    fates = mapping.fates[:at] + mapping.fates[at:][1:]
    gone = mapping.fates[at]
    with pytest.raises(MappingError) as caught:
        apply(replace(mapping, fates=fates), state)
    assert f"not in the plan: {gone.source}" in str(caught.value)
    assert f"not filled: {gone.target}" in str(caught.value)


@pytest.mark.parametrize("source", BOTH)
def test_the_plan_itself_is_carried_out(source: FrameworkName) -> None:
    mapping, state = plan_and_state(source, "26")
    assert len(apply(mapping, state)) == mapping.target_count
