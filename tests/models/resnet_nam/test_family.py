"""ResNet-NAM without a framework: counts, spellings, sizes, and its records."""

from __future__ import annotations

from math import prod

import pytest

from ppim_port.errors import InputSizeError, MappingError, UnknownNameError
from ppim_port.manifest import load_manifest
from ppim_port.mapping import tensors
from ppim_port.models.family import Layer
from ppim_port.models.resnet_nam.family import FAMILY, FIRST_PIXELS, ResNetNamConfig
from tests.support.resnets import resnet
from tests.support.states import layers_of

DEPTHS = ("18", "34", "50", "101", "152")
# Parameters with 1000 classes: torchvision's, whose tensors test_nets.py compares.
TORCHVISION = (11_689_512, 21_797_672, 25_557_032, 44_549_160, 60_192_808)
# Channels that the blocks put out, over all blocks: two parameters of attention each.
OUTPUTS = (1_920, 3_776, 15_104, 32_512, 47_872)
# Places of the maps at 32x32, over all blocks.
PLACES = (2_720, 4_528, 4_528, 5_616, 7_472)


def parameters(config: ResNetNamConfig) -> int:
    specs = tensors(layers_of(config), "torch")
    return sum(prod(s.shape) for s in specs if s.leaf.torch in ("weight", "bias"))


@pytest.mark.parametrize("place", range(5), ids=DEPTHS)
def test_parameters_of_every_kind(place: int) -> None:
    depth, whole = DEPTHS[place], TORCHVISION[place]
    attention, pixels = 2 * OUTPUTS[place], 2 * PLACES[place]
    stem = 64 * 3 * (7**2 - 3**2)
    found = {
        kind: parameters(resnet(f"{depth}_{kind}", num_classes=1000))
        for kind in ("imagenet", "nam_imagenet", "cifar", "nam", "nam_pixel")
    }
    assert found == {
        "imagenet": whole,
        "nam_imagenet": whole + attention,
        "cifar": whole - stem,
        "nam": whole - stem + attention,
        "nam_pixel": whole - stem + attention + pixels,
    }


# Total, and outside of the batch norms, which the articles' Paddle did not call
# trainable: of the CIFAR form, and as github.com/Feng1909/ResNet50-NAM printed it of
# the 7x7 stem.
@pytest.mark.parametrize(
    ("variant", "total", "others"),
    [
        ("50_nam", 23_818_788, 23_652_132),
        ("50_nam_imagenet", 23_826_468, 23_659_812),
    ],
)
def test_resnet50_has_the_articles_parameters(
    variant: str, total: int, others: int
) -> None:
    specs = tensors(layers_of(resnet(variant)), "paddle")
    assert sum(prod(spec.shape) for spec in specs) == total
    outside = [spec for spec in specs if spec.layer.kind != "batch_norm"]
    assert sum(prod(spec.shape) for spec in outside) == others


@pytest.mark.parametrize("variant", FAMILY.variants)
def test_a_record_is_of_the_nets_own_numbers(variant: str) -> None:
    record = load_manifest().model(f"resnet{variant}")
    config = resnet(variant, num_classes=record.num_classes)
    assert (record.family, record.variant) == ("resnet_nam", variant)
    assert record.counts.parameters == parameters(config)
    assert record.flops.counted_g == round(multiply_adds(config) / 1e9, 4)
    assert (record.sources, record.published) == ((), ())
    assert (record.published_parameters_m, record.flops.published_g) == (None, None)


def multiply_adds(config: ResNetNamConfig) -> int:
    """Of the convolutions and the classifier."""
    found, side = 0, config.image_size // (1 if config.kind.cifar else 2)
    stem, *layers, classifier = layers_of(config)
    found += prod(stem.shape) * side**2 + prod(classifier.shape)
    for layer in layers:
        if layer.kind == "conv":
            found += prod(layer.shape) * side_of(layer, config) ** 2
    return found


def side_of(layer: Layer, config: ResNetNamConfig) -> int:
    """Of the map that a convolution of a block puts out."""
    stage, block, conv = layer.name.split(".")[:3]
    first = int(stage[-1]) > 1 and block == "0"
    before_stride = conv == "conv1" and config.expansion == 4 and first
    return config.side(int(stage[-1]) - 1) * (2 if before_stride else 1)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("layer1.0.nam.channel.bn.weight", "layer1.0.nam.Channel_Att.bn2.weight"),
        ("layer3.35.nam.pixel.bn.bias", "layer3.35.nam.Spatial_Att.bn.bias"),
        ("layer1.0.bn2.weight", "layer1.0.bn2.weight"),
        ("conv1.weight", "conv1.weight"),
    ],
)
def test_the_official_code_spells_the_attention_otherwise(
    ours: str, theirs: str
) -> None:
    official, plain = FAMILY.namings
    assert (official.publish(ours), plain.publish(ours)) == (theirs, ours)


def test_an_unknown_variant_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"ResNet variant '50'.*50_nam"):
        FAMILY.configure("50")


def test_classes_and_the_pixels_of_the_image_are_read_from_the_checkpoint() -> None:
    shapes = {"fc.weight": (10, 512), FIRST_PIXELS: (48 * 48,)}
    assert FAMILY.infer("18_nam_pixel", shapes) == ResNetNamConfig(
        "18_nam_pixel", 10, image_size=48
    )
    assert FAMILY.infer("18_nam", {"fc.weight": (10, 512)}) == resnet(num_classes=10)
    assert FAMILY.infer("18_nam", {"fc.weight": ()}) == resnet(num_classes=1000)


def test_pixels_of_no_square_map_are_refused() -> None:
    with pytest.raises(MappingError, match="1000 pixels are no square map; expected"):
        FAMILY.infer("18_nam_pixel", {FIRST_PIXELS: (1000,)})


@pytest.mark.parametrize(
    ("variant", "sides"), [("18_nam_pixel", (32, 16, 8, 4)), ("50_imagenet", (56, 28))]
)
def test_maps_halve_from_stage_to_stage(variant: str, sides: tuple[int, ...]) -> None:
    config = resnet(variant)
    assert tuple(config.side(stage) for stage in range(len(sides))) == sides


@pytest.mark.parametrize("size", [(0, 32), (32, 0)])
def test_an_empty_image_is_refused(size: tuple[int, int]) -> None:
    FAMILY.check_input_size(1, 999)
    with pytest.raises(InputSizeError, match=f"images of {size[0]}x{size[1]}: each"):
        FAMILY.check_input_size(*size)


def test_pixel_attention_takes_its_own_size_alone() -> None:
    config = resnet("50_nam_pixel")
    config.check_input_size(32, 32)
    with pytest.raises(InputSizeError, match=r"32x32 alone, not 32x33.* resnet50_nam "):
        config.check_input_size(32, 33)
