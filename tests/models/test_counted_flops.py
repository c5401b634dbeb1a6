"""The manifest's multiply-adds, counted again from the layers alone."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import pytest

from ppim_port.manifest import load_manifest
from ppim_port.models.family import Layer
from tests.support.states import VARIANTS, layers_of, rednet

IMAGE_SIZE = 224


def sides(layer: Layer) -> tuple[int, int]:
    """Sides of the maps that a layer's block takes in and puts out, at 224."""
    if layer.name.startswith("stem"):
        return IMAGE_SIZE // 2, IMAGE_SIZE // 2
    stage, block = int(layer.name[5]), layer.name.split(".")[1]
    out = IMAGE_SIZE // 2 ** (stage + 1)
    return (2 * out if stage > 1 and block == "0" else out), out


def operations(layer: Layer) -> Iterator[int]:
    """What the counter of the official code adds for a layer and what follows it."""
    channels = layer.shape[0]
    before, after = sides(layer)
    first = layer.name.endswith((".conv1", ".bn1")) and "conv2" not in layer.name
    side = before if first and not layer.name.startswith("stem") else after
    if layer.kind == "conv":
        yield (prod(layer.shape) + channels * layer.bias) * side**2
    if layer.kind == "batch_norm":
        yield 2 * channels * side**2
        # One ReLU follows each batch norm but the shortcut's.
        yield 0 if "downsample" in layer.name else channels * side**2
    if layer.name.endswith(("stem.1.conv1.conv", "conv2.conv1.conv")):
        yield from involution(layer, before, after)


def involution(generator: Layer, before: int, after: int) -> Iterator[int]:
    elements = generator.shape[1] * before**2
    yield (3 if generator.name.startswith("stem") else 7) ** 2 * elements
    if before != after:
        yield elements  # the average pool in front of the generator


def counted_g(variant: str) -> float:
    layers = layers_of(rednet(variant))
    body = sum(sum(operations(layer)) for layer in layers if layer.kind != "linear")
    max_pool = 64 * (IMAGE_SIZE // 2) ** 2
    global_pool = 2048 * (IMAGE_SIZE // 32) ** 2
    return (body + max_pool + global_pool) / 1e9


EXPECTED_G = {"26": 1.7342, "38": 2.2240, "50": 2.7139, "101": 4.7430, "152": 6.7863}


@pytest.mark.parametrize("variant", VARIANTS)
def test_counted_multiply_adds_are_the_manifests(variant: str) -> None:
    stated = load_manifest().model(f"rednet{variant}").flops
    assert round(counted_g(variant), 4) == EXPECTED_G[variant] == stated.counted_g
    assert stated.published_g == pytest.approx(stated.counted_g, abs=0.005)
