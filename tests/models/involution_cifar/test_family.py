"""The example's two nets: sizes as its page prints them, logits alike in all three."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from ppim_port.backends import get_backend
from ppim_port.errors import InputSizeError, UnknownNameError
from ppim_port.manifest import load_manifest
from ppim_port.mapping import tensors
from ppim_port.models.involution_cifar.family import FAMILY, KERNEL_SIZE, Layer
from ppim_port.state_dict import KNOWN_FRAMEWORKS, FrameworkName
from tests.support import keras_home
from tests.support.fake_backend import images_of
from tests.support.nets import PARITY, relative
from tests.support.states import layers_of, made_state

assert keras_home.HOME  # before Keras is imported

# Trainable parameters, as keras.io/examples/vision/involution prints them.
PRINTED = {"involution": 13_074, "convolution": 319_178}
every_variant = pytest.mark.parametrize("variant", PRINTED)


@every_variant
@pytest.mark.parametrize("framework", KNOWN_FRAMEWORKS)
def test_trainable_parameters_are_those_that_the_example_prints(
    variant: str, framework: FrameworkName
) -> None:
    net = get_backend(framework).build(FAMILY.configure(variant))
    if framework == "keras":
        counted = sum(prod(weight.shape) for weight in net.trainable_weights)
    elif framework == "torch":
        counted = sum(weight.numel() for weight in net.parameters())
    else:
        weights = [w for w in net.parameters() if not w.stop_gradient]
        counted = sum(prod(weight.shape) for weight in weights)
    assert counted == PRINTED[variant]


@every_variant
def test_the_manifests_counts_are_those_of_the_layers(variant: str) -> None:
    record = load_manifest().model(f"{variant}_cifar10")
    layers = layers_of(FAMILY.configure(variant))
    source, target = tensors(layers, "torch"), tensors(layers, "keras")
    counts = record.counts
    assert counts.parameters == PRINTED[variant]
    assert (counts.source_keys, counts.target_keys) == (len(source), len(target))
    assert counts.dropped_keys == len(source) - len(target)
    assert (record.recipe, record.sources) == ("cifar10-keras", ())


def multiply_adds(layer: Layer, places: int) -> int:
    if layer.kind == "batch_norm":
        return 0
    own = prod(layer.shape) * (1 if layer.kind == "linear" else places)
    # What the kernels are made for: a sum over each one's taps, in three channels.
    return own + (3 * KERNEL_SIZE**2 * places if layer.name.endswith(".3") else 0)


@every_variant
def test_the_manifests_multiply_adds_are_those_of_the_layers(variant: str) -> None:
    total = 0
    for layer in layers_of(FAMILY.configure(variant)):
        stage = int(layer.name[3]) - 1 if layer.name.startswith("mix") else 0
        total += multiply_adds(layer, (32 >> stage) ** 2)
    assert load_manifest().model(f"{variant}_cifar10").flops.counted_g == total / 1e9


@every_variant
def test_the_three_nets_give_the_same_logits_in_float64(variant: str) -> None:
    config = FAMILY.configure(variant, num_classes=7)
    found = []
    for framework in KNOWN_FRAMEWORKS:
        backend = get_backend(framework)
        net = backend.build(config, precision="float64")
        backend.load(net, made_state(config, framework, seed=9))
        found.append(backend.predict(net, images_of(3).astype("f8")))
    assert found[0].shape == (3, 7)
    assert relative(found[1], found[0]) < PARITY
    assert relative(found[2], found[0]) < PARITY


@every_variant
@pytest.mark.parametrize("framework", ["torch", "paddle"])
def test_images_of_another_size_are_refused(
    variant: str, framework: FrameworkName
) -> None:
    backend = get_backend(framework)
    net = backend.build(FAMILY.configure(variant))
    with pytest.raises(InputSizeError, match="take images of 32x32 alone, not 36x36"):
        backend.predict(net, images_of(1, 36))
    with pytest.raises(InputSizeError, match="not 28x32"):
        FAMILY.check_input_size(28, 32)


def test_an_unknown_variant_is_named() -> None:
    with pytest.raises(UnknownNameError, match="Unknown CIFAR variant 'inv'"):
        FAMILY.configure("inv")


def test_a_picture_moved_by_one_pixel_has_other_logits() -> None:
    """The flattening keeps places apart: what the dense layer's order is about."""
    config = FAMILY.configure("convolution")
    backend = get_backend("torch")
    net = backend.build(config)
    backend.load(net, made_state(config, "torch"))
    image = images_of(1)
    moved = backend.predict(net, np.roll(image, 1, axis=3))
    assert relative(moved, backend.predict(net, image)) > 1e-3
