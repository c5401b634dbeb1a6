"""ResNet-SAC without a framework: structure, counts, sizes."""

from __future__ import annotations

from math import prod

import pytest

from ppim_port.errors import InputSizeError, UnknownNameError
from ppim_port.manifest import load_manifest
from ppim_port.mapping import tensors
from ppim_port.models.family import Layer
from ppim_port.models.resnet_sac.family import FAMILY, ResNetSacConfig

LAYERS = FAMILY.layers(FAMILY.configure("50"))
RESNET50 = 25_557_032
"""Parameters of a plain ResNet-50 with 1000 classes, as torchvision publishes them."""


def test_the_middles_of_the_last_three_stages_are_switchable_and_no_others() -> None:
    found = [layer.name for layer in LAYERS if layer.kind == "saconv"]
    blocks = {2: 4, 3: 6, 4: 3}
    assert found == [
        f"layer{stage}.{block}.conv2"
        for stage, count in blocks.items()
        for block in range(count)
    ]
    plain = [layer.name for layer in LAYERS if layer.kind == "conv_aws"]
    assert len(plain) + len(found) == 53
    assert not any(layer.kind == "conv" for layer in LAYERS)


def test_parameters_are_a_resnets_and_what_the_switchable_ones_have_beside() -> None:
    beside = sum(
        prod(layer.shape) + 2 * (c * c + c) + c + 1
        for layer in LAYERS
        if layer.kind == "saconv"
        for c in layer.shape[:1]
    )
    counts = load_manifest().model("resnet50_sac").counts
    assert counts.parameters == RESNET50 + beside == 39_264_821
    specs = [tensors(LAYERS, framework) for framework in ("torch", "paddle")]
    assert (counts.source_keys, counts.target_keys) == tuple(map(len, specs))
    trained = ("weight", "bias", "weight_diff")
    assert counts.parameters == sum(
        prod(spec.shape) for spec in specs[0] if spec.leaf.torch in trained
    )


def side(layer: Layer) -> int:
    """Of the map that a convolution puts out, at 224."""
    if layer.kind in ("context", "linear"):
        return 1
    if layer.name == "conv1":
        return 112
    stage, block = int(layer.name[5]), layer.name.split(".")[1]
    halves = stage > 1 and block == "0" and layer.name.endswith(".conv1")
    return 224 // 2 ** (stage + 1) * (2 if halves else 1)


def test_counted_multiply_adds_are_the_manifests() -> None:
    counted = sum(
        prod(layer.shape) * side(layer) ** 2 * (2 if layer.kind == "saconv" else 1)
        for layer in LAYERS
        if layer.kind != "batch_norm"
    )
    stated = load_manifest().model("resnet50_sac").flops
    assert stated.counted_g == round(counted / 1e9, 4)
    assert stated.published_g is None


@pytest.mark.parametrize("size", [(64, 224), (224, 64), (0, 65)])
def test_images_whose_last_maps_cannot_be_mirrored_are_refused(
    size: tuple[int, int],
) -> None:
    FAMILY.check_input_size(65, 999)
    with pytest.raises(InputSizeError, match=rf"{size[0]}x{size[1]}: .* 65 pixels"):
        FAMILY.check_input_size(*size)


def test_the_classes_are_read_from_the_checkpoint() -> None:
    shapes = {"fc.weight": (10, 2048)}
    assert FAMILY.infer("50", shapes) == ResNetSacConfig("50", 10)
    assert FAMILY.infer("50", {"fc.weight": ()}) == ResNetSacConfig("50")


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"ResNet-SAC variant '18'.* 50"):
        FAMILY.configure("18")
