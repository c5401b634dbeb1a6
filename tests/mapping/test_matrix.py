"""One rule, layer or key deleted, doubled or retargeted: refused, with the key named.

A port passes here as it passes in a conversion: it is planned, applied, and held
against what the target's net takes (restated by hand in `tests.support.states`, which
the nets are held to elsewhere), before anything could be written. What is not refused
must be the right port all the same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module

import numpy as np
import pytest

from ppim_port.backends.strict import check_fits
from ppim_port.errors import MappingError
from ppim_port.mapping import LEAVES, Leaf, apply, describe, rules
from ppim_port.models.family import Layer, LayerKind
from ppim_port.models.rednet import family
from ppim_port.state_dict import FrameworkName, StateDict
from tests.mapping.plans import OTHER, planned
from tests.support.states import VARIANTS, layers_of, made_state, rednet

BOTH: tuple[FrameworkName, ...] = ("torch", "paddle")
COUNTER = "num_batches_tracked"
# Every edit of every net takes minutes: by night. By day, some of the smallest net's.
NIGHT = [pytest.mark.slow, pytest.mark.timeout(1800)]
EVERY = [pytest.param(v, 1, marks=NIGHT) for v in VARIANTS]
SOME = [pytest.param("26", 5), *EVERY]


@cache
def state_of(framework: FrameworkName, variant: str) -> StateDict:
    """A net's tensors, each number its own, in as little memory as that takes."""
    state = made_state(rednet(variant, num_classes=10), framework)
    return {
        key: np.zeros_like(value) if key.endswith(COUNTER) else value
        for key, value in state.items()
    }


@cache
def wanted(framework: FrameworkName, variant: str) -> dict[str, tuple[object, str]]:
    """What the net takes: key -> shape and dtype."""
    infos = describe(state_of(framework, variant))
    return {key: (info.shape, info.dtype) for key, info in infos.items()}


@pytest.fixture(autouse=True)
def no_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which other model the keys would fit: most of the time, and tested elsewhere."""
    # Not by its dotted name, which the package gives to the function in it.
    module = import_module("ppim_port.mapping.plan")
    monkeypatch.setattr(module, "variants_that_fit", lambda *args, **options: [])


def refusal(state: StateDict, source: FrameworkName, variant: str) -> str:
    """What is said of a port; empty if it is right."""
    truth = state_of(OTHER[source], variant)
    try:
        found = apply(planned(state, source, variant=variant), state)
        check_fits(found, wanted(OTHER[source], variant), "the target's net")  # type: ignore[arg-type]
    except MappingError as error:
        return str(error)
    wrong = [key for key, value in truth.items() if not same(value, found[key])]
    assert wrong == [], "it would have been written"
    return ""


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one is other or one.tobytes() == other.tobytes()


REDNETS_KINDS: tuple[LayerKind, ...] = ("conv", "linear", "batch_norm")


def edited_rules() -> Iterator[tuple[str, LayerKind, Leaf, tuple[Leaf, ...]]]:
    """Every way to spoil one rule of the layers that a RedNet has."""
    for kind in REDNETS_KINDS:
        leaves = LEAVES[kind]
        for at, leaf in enumerate(leaves):
            before, after = leaves[:at], leaves[at + 1 :]
            for what, new in changed(leaf, leaves):
                yield f"{kind} {leaf.torch} {what}", kind, leaf, (*before, *new, *after)


def changed(leaf: Leaf, leaves: tuple[Leaf, ...]) -> Iterator[tuple[str, list[Leaf]]]:
    yield "deleted", []
    yield "doubled", [leaf, leaf]
    if leaf.torch == "weight" and len(leaves) == 2:
        # Turning a vector changes nothing: only the matrices.
        yield "turned otherwise", [replace(leaf, transpose=not leaf.transpose)]
    for name in sorted({other.torch for other in leaves} | {"astray"}):
        if name != leaf.torch:
            yield f"from {name}", [replace(leaf, torch=name)]
    for target in sorted({str(other.paddle) for other in leaves} | {"astray"}):
        if target != str(leaf.paddle):
            paddle = None if target == "None" else target
            yield f"to {target}", [replace(leaf, paddle=paddle)]


RULES = {name: rest for name, *rest in edited_rules()}


# On the way from Paddle there are no counters to be misplaced: they start from zero.
HARMLESS = {("paddle", f"batch_norm {COUNTER} to astray")}


@pytest.mark.parametrize("source", BOTH)
@pytest.mark.parametrize(
    "variant", ["26", *(pytest.param(v, marks=pytest.mark.slow) for v in VARIANTS[1:])]
)
def test_every_spoilt_rule_is_refused_and_its_key_named(
    source: FrameworkName, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, silent, unnamed = state_of(source, variant), set(), []
    for name, (kind, leaf, leaves) in RULES.items():
        with monkeypatch.context() as patch:
            patch.setattr(rules, "LEAVES", {**LEAVES, kind: leaves})
            text = refusal(state, source, variant)
        names = {n for new in (leaf, *leaves) for n in (new.torch, new.paddle) if n}
        if not text:
            silent.add((source, name))
        elif not any(f".{n}" in text for n in names):
            unnamed.append(name)
    assert silent == {entry for entry in HARMLESS if entry[0] == source}
    assert unnamed == []
    assert len(RULES) == 86


def edited_layers(layers: tuple[Layer, ...], at: int) -> Iterator[tuple[Layer, ...]]:
    """Every way to spoil one layer."""
    layer, other = layers[at], layers[at - 1]
    before, after = layers[:at], layers[at + 1 :]
    yield (*before, *after)
    yield (*before, layer, layer, *after)
    yield (*before, replace(layer, name="astray"), *after)
    yield (*before, replace(layer, name=other.name), *after)
    yield (*before, replace(layer, shape=(*layer.shape[:-1], 7)), *after)
    yield (*before, replace(layer, kind=turned_kind(layer)), *after)
    if layer.kind != "batch_norm":
        yield (*before, replace(layer, bias=not layer.bias), *after)


def turned_kind(layer: Layer) -> LayerKind:
    return "conv" if layer.kind == "linear" else "linear"


@pytest.mark.parametrize("source", BOTH)
@pytest.mark.parametrize(("variant", "step"), SOME)
def test_every_spoilt_layer_is_refused_and_named(
    source: FrameworkName, variant: str, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers, state = (
        layers_of(rednet(variant, num_classes=10)),
        state_of(source, variant),
    )
    wanted(OTHER[source], variant)
    for at in range(0, len(layers), step):
        layer = layers[at]
        for edit, spoilt in enumerate(edited_layers(layers, at)):
            with monkeypatch.context() as patch:
                patch.setattr(family, "_layers", lambda config, new=spoilt: iter(new))
                text = refusal(state, source, variant)
            assert layer.name in text, f"edit {edit} of {layer.name}"


def edited_keys(state: StateDict, key: str, other: str) -> Iterator[StateDict]:
    """Every way to spoil one key."""
    rest = {k: v for k, v in state.items() if k != key}
    if not key.endswith(COUNTER):
        yield rest  # A counter may be absent: it is dropped, or starts from zero.
    yield {**rest, "astray": state[key]}
    yield {**state, f"module.{key}": state[key]}
    if not other.endswith(COUNTER) and not key.endswith(COUNTER):
        yield {**rest, other: state[key]}


@pytest.mark.parametrize("source", BOTH)
@pytest.mark.parametrize(("variant", "step"), SOME)
def test_every_spoilt_key_is_refused_and_named(
    source: FrameworkName, variant: str, step: int
) -> None:
    state = state_of(source, variant)
    keys = list(state)
    for at in range(0, len(keys), step):
        key = keys[at]
        for edit, spoilt in enumerate(edited_keys(state, key, keys[at - 1])):
            text = refusal(spoilt, source, variant)
            assert key in text or "unexpected: astray" in text, f"edit {edit} of {key}"


def test_what_is_refused_would_be_taken_without_the_fault() -> None:
    """Also the proof that the proofs above can fail."""
    for source in BOTH:
        assert refusal(state_of(source, "26"), source, "26") == ""
