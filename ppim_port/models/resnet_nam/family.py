"""ResNet-NAM without a framework: variants, layers, names, and sizes that work.

Structure after the paper (arXiv 2111.12419) and the official code (github.com/
Christian-lyc/NAM, MODELS/model_resnet.py and attention.py). Nobody publishes weights:
what is refused and counted here follows from the structure alone, and is tested against
the parameters that the Paddle article prints.

Pixel attention has a batch norm channel for every place of the map, so a net that has
it takes images of one size alone and refuses every other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isqrt
from typing import ClassVar, cast

from ppim_port.errors import InputSizeError, MappingError, UnknownNameError
from ppim_port.models.family import Config, Layer, Naming, Shape

BLOCKS: Mapping[str, tuple[int, int, int, int]] = {
    "18": (2, 2, 2, 2),
    "34": (3, 4, 6, 3),
    "50": (3, 4, 6, 3),
    "101": (3, 4, 23, 3),
    "152": (3, 8, 36, 3),
}
BASIC = ("18", "34")
STEM_CHANNELS = 64
STAGE_CHANNELS = (64, 128, 256, 512)
PENALTY = 1e-4
"""Strength of the sparsity penalty: `--s` of the official train_cifar100.py."""

FIRST_PIXELS = "layer1.0.nam.pixel.bn.weight"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a variant is beside its depth.

    Attributes:
        cifar: 3x3 stride-1 stem without pooling; else 7x7 stride-2 and a max pool.
        channel: whether residual branches end in channel attention.
        pixel: whether pixel attention follows it.
    """

    cifar: bool = True
    channel: bool = False
    pixel: bool = False


KINDS: Mapping[str, Kind] = {
    "nam": Kind(channel=True),
    "nam_pixel": Kind(channel=True, pixel=True),
    "cifar": Kind(),
    "nam_imagenet": Kind(cifar=False, channel=True),
    "imagenet": Kind(cifar=False),
}


@dataclass(frozen=True, slots=True)
class ResNetNamConfig:
    """What decides a net's layers.

    Attributes:
        variant: depth and kind, e.g. "50_nam".
        num_classes: outputs of the classifier.
        image_size: pixels of a side; binding only with pixel attention, and then read
            from the checkpoint.
    """

    variant: str
    num_classes: int = 1000
    image_size: int = 32
    family: ClassVar[str] = "resnet_nam"

    @property
    def depth(self) -> str:
        """Of the ResNet, e.g. "50"."""
        return self.variant.partition("_")[0]

    @property
    def kind(self) -> Kind:
        """Stem and attention."""
        return KINDS[self.variant.partition("_")[2]]

    @property
    def blocks(self) -> tuple[int, int, int, int]:
        """Residual blocks in each of the four stages."""
        return BLOCKS[self.depth]

    @property
    def expansion(self) -> int:
        """Channels that a block puts out, over those of its 3x3 convolutions."""
        return 1 if self.depth in BASIC else 4

    def side(self, stage: int) -> int:
        """Side of the maps that a stage (0 to 3) puts out."""
        halvings = stage if self.kind.cifar else stage + 2
        return -(-self.image_size // 2**halvings)

    def check_input_size(self, height: int, width: int) -> None:
        """Accept a size or raise.

        Raises:
            InputSizeError: an empty image, or with pixel attention another size than
                the net was built for.
        """
        check_input_size(height, width)
        size = self.image_size
        if self.kind.pixel and (height, width) != (size, size):
            message = (
                f"resnet{self.variant} takes images of {size}x{size} alone, not "
                f"{height}x{width}: pixel attention has a weight for every place of "
                "the map. Nothing was computed; resnet"
                f"{self.depth}_nam has none and takes every size."
            )
            raise InputSizeError(message)


def check_input_size(height: int, width: int) -> None:
    """Accept images of any size but an empty one.

    Args:
        height: of the images, in pixels.
        width: of the images, in pixels.

    Raises:
        InputSizeError: a side is of no pixels.
    """
    if height < 1 or width < 1:
        message = (
            f"A ResNet cannot take images of {height}x{width}: each side must be of 1 "
            "pixel or more. Nothing was computed."
        )
        raise InputSizeError(message)


@dataclass(frozen=True, slots=True)
class OfficialNaming(Naming):
    """The official code's names, which the Paddle article's are, too."""

    def publish(self, key: str) -> str:
        """See `Naming.publish`; the names that differ stand inside of the key."""
        key = key.replace(".nam.channel.bn.", ".nam.Channel_Att.bn2.")
        return key.replace(".nam.pixel.bn.", ".nam.Spatial_Att.bn.")


def _conv_bn(conv: str, norm: str, shape: Shape) -> Iterator[Layer]:
    yield Layer(conv, "conv", shape)
    yield Layer(norm, "batch_norm", shape[:1])


def _branch(
    config: ResNetNamConfig, name: str, before: int, channels: int
) -> Iterator[Layer]:
    if config.expansion == 1:
        shapes: tuple[Shape, ...] = (
            (channels, before, 3, 3),
            (channels, channels, 3, 3),
        )
    else:
        shapes = (
            (channels, before, 1, 1),
            (channels, channels, 3, 3),
            (channels * config.expansion, channels, 1, 1),
        )
    for place, shape in enumerate(shapes, 1):
        yield from _conv_bn(f"{name}.conv{place}", f"{name}.bn{place}", shape)


def _block(
    config: ResNetNamConfig, name: str, before: int, stage: int, stride: int
) -> Iterator[Layer]:
    channels = STAGE_CHANNELS[stage]
    after = channels * config.expansion
    yield from _branch(config, name, before, channels)
    if config.kind.channel:
        yield Layer(f"{name}.nam.channel.bn", "batch_norm", (after,))
    if config.kind.pixel:
        pixels = config.side(stage) ** 2
        yield Layer(f"{name}.nam.pixel.bn", "batch_norm", (pixels,))
    if stride > 1 or before != after:
        names = f"{name}.downsample.0", f"{name}.downsample.1"
        yield from _conv_bn(*names, (after, before, 1, 1))


def _layers(config: ResNetNamConfig) -> Iterator[Layer]:
    side = 3 if config.kind.cifar else 7
    yield from _conv_bn("conv1", "bn1", (STEM_CHANNELS, 3, side, side))
    before = STEM_CHANNELS
    for stage, channels in enumerate(STAGE_CHANNELS):
        for place in range(config.blocks[stage]):
            stride = 2 if stage and not place else 1
            name = f"layer{stage + 1}.{place}"
            yield from _block(config, name, before, stage, stride)
            before = channels * config.expansion
    yield Layer("fc", "linear", (config.num_classes, before), bias=True)


class ResNetNamFamily:
    """The `Family` of the ResNets with and without normalisation-based attention."""

    variants = tuple(f"{depth}_{kind}" for kind in KINDS for depth in BLOCKS)
    namings = (OfficialNaming("official", {"": ""}), Naming("plain", {"": ""}))
    classifier = ("fc",)

    def configure(self, variant: str, *, num_classes: int = 1000) -> ResNetNamConfig:
        """See `Family.configure`."""
        if variant not in self.variants:
            raise UnknownNameError(variant, self.variants, kind="ResNet variant")
        config = ResNetNamConfig(variant, num_classes)
        return config if config.kind.cifar else replace(config, image_size=224)

    def infer(self, variant: str, shapes: Mapping[str, Shape]) -> ResNetNamConfig:
        """See `Family.infer`: the classifier's size, and the image's for pixels."""
        config = self.configure(variant)
        # A scalar has no shape to infer from; that it does not fit is said later.
        classes = (shapes.get("fc.weight") or (config.num_classes,))[0]
        pixels = (shapes.get(FIRST_PIXELS) or (config.side(0) ** 2,))[0]
        if isqrt(pixels) ** 2 != pixels:
            message = (
                f"{FIRST_PIXELS}: {pixels} pixels are no square map; expected 1024 for "
                "images of 32x32. Nothing was converted."
            )
            raise MappingError(message)
        size = isqrt(pixels) if config.kind.pixel else config.image_size
        return replace(config, num_classes=classes, image_size=size)

    def layers(self, config: Config) -> tuple[Layer, ...]:
        """See `Family.layers`."""
        return tuple(_layers(cast(ResNetNamConfig, config)))

    def check_input_size(self, height: int, width: int) -> None:
        """See `check_input_size`; a net with pixel attention is stricter itself."""
        check_input_size(height, width)


FAMILY = ResNetNamFamily()
