"""What every family keeps: its nets hold its layers, and its tensors cross exactly."""

from __future__ import annotations

from collections import Counter

import pytest

from ppim_port.backends import get_backend
from ppim_port.errors import UsageError
from ppim_port.manifest import ModelRecord, load_manifest
from ppim_port.mapping import apply, describe, plan, tensors
from ppim_port.models.family import (
    Config,
    known_families,
    load_family,
    nets_of,
    picture_size,
)
from ppim_port.state_dict import KNOWN_FRAMEWORKS, FrameworkName, StateDict
from tests.mapping.plans import OTHER, bits
from tests.support import keras_home
from tests.support.fake_backend import images_of
from tests.support.nets import PARITY, logits, relative
from tests.support.states import layers_of, made_state

assert keras_home.HOME  # before Keras is imported

RECORDS = list(load_manifest().models.values())
# A family's smallest model comes first in the manifest.
SMALLEST = {record.family: record for record in reversed(RECORDS)}
every_family = pytest.mark.parametrize("family", SMALLEST)


def config_of(family: str, **options: int) -> Config:
    record = SMALLEST[family]
    return load_family(family).configure(record.variant, **options)


def ported(state: StateDict, family: str, source: FrameworkName) -> StateDict:
    mapping = plan(
        describe(state),
        family=family,
        variant=SMALLEST[family].variant,
        source_framework=source,
        target_framework=OTHER[source],
    )
    return apply(mapping, state)


def test_a_family_is_a_folder_with_a_record() -> None:
    assert set(known_families()) == set(SMALLEST)
    assert len(SMALLEST) >= 2


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_layers_and_spellings_are_unique(record: ModelRecord) -> None:
    family = load_family(record.family)
    layers = family.layers(family.configure(record.variant))
    assert max(Counter(layer.name for layer in layers).values()) == 1
    keys = [spec.key for spec in tensors(layers, "torch")]
    for naming in family.namings:
        assert len({naming.publish(key) for key in keys}) == len(keys)


@every_family
@pytest.mark.parametrize("framework", KNOWN_FRAMEWORKS)
def test_a_nets_tensors_are_those_of_its_layers_in_their_order(
    family: str, framework: FrameworkName
) -> None:
    config = config_of(family, num_classes=7)
    backend = get_backend(framework)
    if framework not in nets_of(family):
        with pytest.raises(UsageError, match=f"There is no {framework} net of the fam"):
            backend.build(config)
        return
    found = [
        (key, value.shape, str(value.dtype))
        for key, value in backend.state(backend.build(config)).items()
    ]
    specs = tensors(layers_of(config), framework)
    assert found == [(spec.key, spec.shape, spec.dtype) for spec in specs]


@every_family
def test_published_keys_go_to_paddle_and_back_bit_for_bit(family: str) -> None:
    config = config_of(family, num_classes=10)
    state = made_state(config, "torch")
    publish = load_family(family).namings[0].publish
    there = ported({publish(key): a for key, a in state.items()}, family, "torch")
    assert bits(there) == bits(made_state(config, "paddle"))
    back = ported(there, family, "paddle")
    kept = [key for key in state if not key.endswith("num_batches_tracked")]
    assert bits({key: back[key] for key in kept}) == bits(
        {key: state[key] for key in kept}
    )


@every_family
def test_both_nets_give_the_same_logits(family: str) -> None:
    config = config_of(family)
    found, reference = (
        logits(framework, images_of(1, picture_size(config, 96)), config)
        for framework in ("torch", "paddle")
    )
    assert relative(found, reference) < PARITY


@every_family
def test_both_nets_are_set_alike_and_every_layer_is_of_a_known_kind(
    family: str,
) -> None:
    config = config_of(family)
    torchs, paddles = (
        {
            name: (layer.kind, dict(layer.settings))
            for name, layer in backend.describe(backend.build(config)).items()
        }
        for backend in map(get_backend, ("torch", "paddle"))
    )
    assert torchs == paddles
    assert all(kind is not None for kind, _ in torchs.values())
