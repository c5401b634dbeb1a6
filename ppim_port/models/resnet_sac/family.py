"""ResNet with switchable atrous convolutions, without a framework.

Structure after the paper (arXiv 2006.02334) and its authors' configurations, as
mmdetection keeps them (configs/detectors, mmdet/models/backbones/detectors_resnet.py):
the 3x3 convolutions of the last three stages are switchable, all others standardise
their filters. Refuses images under 65 pixels a side, whose last maps are too small to
be mirrored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

from ppim_port.errors import InputSizeError, UnknownNameError
from ppim_port.models.family import Config, Layer, Naming, Shape

BLOCKS: Mapping[str, tuple[int, int, int, int]] = {
    "50": (3, 4, 6, 3),
}
EXPANSION = 4
STEM_CHANNELS = 64
STAGE_CHANNELS = (64, 128, 256, 512)
SWITCHABLE = (False, True, True, True)
REDUCED = 32
LEAST_SIZE = 2 * REDUCED + 1


@dataclass(frozen=True, slots=True)
class ResNetSacConfig:
    """What decides the layers.

    Attributes:
        variant: "50".
        num_classes: outputs of the classifier.
    """

    variant: str
    num_classes: int = 1000
    family: ClassVar[str] = "resnet_sac"

    @property
    def blocks(self) -> tuple[int, int, int, int]:
        """Bottlenecks in each of the four stages."""
        return BLOCKS[self.variant]


def check_input_size(height: int, width: int) -> None:
    """Accept images whose last maps are of 3 pixels a side or more.

    The switch sees an average of 5x5 of a map mirrored at its edges by 2, so a map of 2
    cannot be mirrored; the last is the 32nd part of the image, rounded up.

    Args:
        height: of the images, in pixels.
        width: of the images, in pixels.

    Raises:
        InputSizeError: a side of under 65 pixels.
    """
    if min(height, width) < LEAST_SIZE:
        message = (
            f"ResNet with switchable convolutions cannot take images of "
            f"{height}x{width}: each side must be of {LEAST_SIZE} pixels or more, or "
            "the last maps cannot be mirrored at their edges. Nothing was computed."
        )
        raise InputSizeError(message)


def _norm(name: str, channels: int) -> Layer:
    return Layer(name, "batch_norm", (channels,))


def _switchable(name: str, channels: int) -> Iterator[Layer]:
    yield Layer(name, "saconv", (channels, channels, 3, 3))
    yield Layer(f"{name}.switch", "switch", (1, channels, 1, 1), bias=True)
    for place in ("pre_context", "post_context"):
        shape = (channels, channels, 1, 1)
        yield Layer(f"{name}.{place}", "context", shape, bias=True)


def _bottleneck(
    name: str, in_channels: int, channels: int, *, switchable: bool
) -> Iterator[Layer]:
    out_channels = channels * EXPANSION
    yield Layer(f"{name}.conv1", "conv_aws", (channels, in_channels, 1, 1))
    yield _norm(f"{name}.bn1", channels)
    if switchable:
        yield from _switchable(f"{name}.conv2", channels)
    else:
        yield Layer(f"{name}.conv2", "conv_aws", (channels, channels, 3, 3))
    yield _norm(f"{name}.bn2", channels)
    yield Layer(f"{name}.conv3", "conv_aws", (out_channels, channels, 1, 1))
    yield _norm(f"{name}.bn3", out_channels)
    if in_channels != out_channels:
        shape = (out_channels, in_channels, 1, 1)
        yield Layer(f"{name}.downsample.0", "conv_aws", shape)
        yield _norm(f"{name}.downsample.1", out_channels)


def _layers(config: ResNetSacConfig) -> Iterator[Layer]:
    yield Layer("conv1", "conv_aws", (STEM_CHANNELS, 3, 7, 7))
    yield _norm("bn1", STEM_CHANNELS)
    in_channels = STEM_CHANNELS
    for stage, channels in enumerate(STAGE_CHANNELS):
        for block in range(config.blocks[stage]):
            name = f"layer{stage + 1}.{block}"
            yield from _bottleneck(
                name, in_channels, channels, switchable=SWITCHABLE[stage]
            )
            in_channels = channels * EXPANSION
    yield Layer("fc", "linear", (config.num_classes, in_channels), bias=True)


class ResNetSacFamily:
    """The `Family` of the ResNets with switchable convolutions."""

    variants = tuple(BLOCKS)
    namings = (Naming("plain", {"": ""}),)
    classifier = ("fc",)

    def configure(self, variant: str, *, num_classes: int = 1000) -> ResNetSacConfig:
        """See `Family.configure`."""
        if variant not in BLOCKS:
            raise UnknownNameError(variant, BLOCKS, kind="ResNet-SAC variant")
        return ResNetSacConfig(variant, num_classes=num_classes)

    def infer(self, variant: str, shapes: Mapping[str, Shape]) -> ResNetSacConfig:
        """See `Family.infer`: the classifier's size."""
        known = self.configure(variant)
        # A scalar has no shape to infer from; that it does not fit is said later.
        classes = (shapes.get("fc.weight") or (known.num_classes,))[0]
        return self.configure(variant, num_classes=classes)

    def layers(self, config: Config) -> tuple[Layer, ...]:
        """See `Family.layers`."""
        return tuple(_layers(cast(ResNetSacConfig, config)))

    def check_input_size(self, height: int, width: int) -> None:
        """See `check_input_size`."""
        check_input_size(height, width)


FAMILY = ResNetSacFamily()
