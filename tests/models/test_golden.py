"""Both nets against what the official implementation made of the same weights.

This guards against a slip that both nets share: everything else compares them with
each other, or with what we read in the official code.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from ppim_port.backends import Backend, Precision, get_backend
from ppim_port.manifest import load_manifest
from ppim_port.mapping import apply
from ppim_port.recipe import Transform, recipe_from_dict
from ppim_port.state_dict import Array, FrameworkName
from tests.mapping.plans import bits, planned
from tests.support.nets import relative
from tests.support.shared import (
    PICTURES,
    golden_noise,
    golden_outputs,
    golden_state,
    needs_shared,
)

pytestmark = needs_shared
both = pytest.mark.parametrize("name", ["torch", "paddle"])

# Of each row's largest logit. Measured with torch 2.13.0 and paddlepaddle 3.3.1:
# float32 2e-6 in PyTorch and 1.2e-5 in Paddle, a picture at a time; float64 3e-15.
FLOAT32 = 5e-5
FLOAT64 = 1e-9
# Every fifteenth of the 250: seventeen pictures of seventeen classes.
SAMPLE = slice(0, None, 15)


@cache
def golden_net(
    name: FrameworkName, precision: Precision = "float32"
) -> tuple[Backend, Any]:
    state = golden_state()
    mapping = planned(state, "torch", name)
    backend = get_backend(name)
    model = backend.build(mapping.config, precision=precision)
    backend.load(model, apply(mapping, state))
    return backend, model


@cache
def on_noise(name: FrameworkName, precision: Precision) -> Array:
    backend, model = golden_net(name, precision)
    return backend.predict(model, golden_noise().astype(precision))


def on_pictures(name: FrameworkName, which: slice) -> Array:
    manifest = load_manifest()
    recipe = manifest.model("rednet26").recipe
    transform = Transform(recipe_from_dict(recipe, manifest.recipes[recipe]))
    backend, model = golden_net(name)
    names = golden_outputs()["names"][which]
    rows = [
        backend.predict(model, transform(PICTURES / name)[np.newaxis]) for name in names
    ]
    return np.concatenate(rows)


@both
def test_float32_logits_of_noise_are_the_official_ones(name: FrameworkName) -> None:
    expected = golden_outputs()["random_logits"]
    assert relative(on_noise(name, "float32"), expected) < FLOAT32


@both
def test_float64_logits_of_noise_are_the_official_ones(name: FrameworkName) -> None:
    expected = golden_outputs()["random_logits_f64"]
    assert relative(on_noise(name, "float64"), expected) < FLOAT64


def test_float64_logits_of_noise_are_the_same_in_both_frameworks() -> None:
    found, reference = (on_noise(name, "float64") for name in ("torch", "paddle"))
    assert relative(found, reference) < FLOAT64


@both
def test_float32_logits_of_pictures_are_the_official_ones(name: FrameworkName) -> None:
    expected = golden_outputs()["logits"][SAMPLE]
    found = on_pictures(name, SAMPLE)
    assert len(expected) == 17
    assert relative(found, expected) < FLOAT32
    assert np.array_equal(found.argmax(axis=1), expected.argmax(axis=1))


@pytest.mark.slow
@both
def test_all_250_pictures_get_the_official_logits_and_class(
    name: FrameworkName,
) -> None:
    golden = golden_outputs()
    found = on_pictures(name, slice(None))
    assert found.shape == (250, 1000)
    assert relative(found, golden["logits"]) < FLOAT32
    best = found.argmax(axis=1)
    assert np.array_equal(best, golden["logits"].argmax(axis=1))
    assert np.count_nonzero(best == golden["labels"]) == 192


def test_the_official_checkpoint_goes_to_paddle_and_back_bit_for_bit() -> None:
    state = golden_state()
    ported = apply(planned(state), state)
    back = apply(planned(ported, "paddle"), ported)
    names = {key: key.removeprefix("backbone.").removeprefix("head.") for key in state}
    kept = {names[key]: a for key, a in state.items() if "num_batches" not in key}
    assert bits({key: back[key] for key in kept}) == bits(kept)


def test_one_weight_off_by_a_percent_is_seen_in_float64() -> None:
    state = dict(golden_state())
    key = "backbone.layer3.0.conv1.weight"
    state[key] = state[key].copy()
    state[key][3, 5] *= 1.01
    mapping = planned(state, "torch", "torch")
    backend = get_backend("torch")
    model = backend.build(mapping.config, precision="float64")
    backend.load(model, apply(mapping, state))
    images = golden_noise()[:1].astype(np.float64)
    expected = golden_outputs()["random_logits_f64"][:1]
    assert relative(backend.predict(model, images), expected) > 100 * FLOAT64
