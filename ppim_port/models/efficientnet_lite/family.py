"""EfficientNet-Lite without a framework: variants, blocks, names, and padding.

Structure after the official code (github.com/tensorflow/tpu, models/official/
efficientnet/lite/efficientnet_lite_builder.py and efficientnet_model.py); the counts
that follow from it are tested against the published weights' own.

Padding is TensorFlow's "same": as much as the outputs need, the odd pixel after the
image. So the nets take every size, and none is refused but an empty one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil
from typing import ClassVar, cast

from ppim_port.errors import InputSizeError, UnknownNameError
from ppim_port.models.family import Config, Layer, Naming, Shape

STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
CHANNEL_STEP = 8
EPSILON = 1e-3
# PyTorch's convention: of the new value, where TensorFlow's 0.99 is of the old one.
MOMENTUM = 0.01


@dataclass(frozen=True, slots=True)
class Scale:
    """How a variant differs from Lite0.

    Attributes:
        width: factor of the channels of every block; stem and head keep theirs.
        depth: factor of the blocks of every stage but the first and the last.
        image_size: pixels of a side that it was trained for.
        dropout: before the classifier, in training.
    """

    width: float
    depth: float
    image_size: int
    dropout: float


SCALES: Mapping[str, Scale] = {
    "0": Scale(1.0, 1.0, 224, 0.2),
    "1": Scale(1.0, 1.1, 240, 0.2),
    "2": Scale(1.1, 1.2, 260, 0.3),
}

# Of Lite0: blocks, kernel size, stride of the first, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclass(frozen=True, slots=True)
class Block:
    """An inverted residual block.

    Attributes:
        in_channels: of its input.
        expanded: channels of its depthwise convolution; `in_channels` if it does not
            expand.
        out_channels: of its output.
        kernel_size: of the depthwise convolution.
        stride: of the depthwise convolution.
    """

    in_channels: int
    expanded: int
    out_channels: int
    kernel_size: int
    stride: int

    @property
    def expands(self) -> bool:
        """Whether a 1x1 convolution comes before the depthwise one."""
        return self.expanded != self.in_channels

    @property
    def adds_input(self) -> bool:
        """Whether the input is added to the output."""
        return self.stride == 1 and self.in_channels == self.out_channels


@dataclass(frozen=True, slots=True)
class EfficientNetLiteConfig:
    """What decides an EfficientNet-Lite's layers.

    Attributes:
        variant: "0", "1" or "2".
        num_classes: outputs of the classifier.
    """

    variant: str
    num_classes: int = 1000
    family: ClassVar[str] = "efficientnet_lite"

    @property
    def scale(self) -> Scale:
        """Of the variant."""
        return SCALES[self.variant]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, the first first."""
        return tuple(_blocks(self.scale))

    @property
    def stages(self) -> tuple[slice, ...]:
        """The blocks of each of the seven stages, as places among all blocks."""
        ends = list(accumulate(_depths(self.scale)))
        return tuple(slice(a, b) for a, b in pairwise([0, *ends]))


def scaled_channels(channels: int, width: float) -> int:
    """Channels of a wider net: the nearest multiple of 8, never under 90 %."""
    wanted = channels * width
    rounded = int(wanted + CHANNEL_STEP / 2) // CHANNEL_STEP * CHANNEL_STEP
    rounded = max(CHANNEL_STEP, rounded)
    return rounded + CHANNEL_STEP if rounded < 0.9 * wanted else rounded


def _depths(scale: Scale) -> Iterator[int]:
    for stage, (count, *_) in enumerate(STAGES):
        inner = 0 < stage < len(STAGES) - 1
        yield ceil(scale.depth * count) if inner else count


def _blocks(scale: Scale) -> Iterator[Block]:
    before = STEM_CHANNELS
    for depth, stage in zip(_depths(scale), STAGES, strict=True):
        _, kernel_size, stride, expansion, channels = stage
        out_channels = scaled_channels(channels, scale.width)
        for place in range(depth):
            expanded = before * expansion
            first = stride if place == 0 else 1
            yield Block(before, expanded, out_channels, kernel_size, first)
            before = out_channels


def same_padding(side: int, kernel_size: int, stride: int) -> tuple[int, int]:
    """Zeros before and after a side, as TensorFlow's "same" has it.

    Args:
        side: pixels.
        kernel_size: of the convolution.
        stride: of the convolution.
    """
    outputs = -(-side // stride)
    total = max(0, (outputs - 1) * stride + kernel_size - side)
    return total // 2, total - total // 2


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
            f"EfficientNet-Lite cannot take images of {height}x{width}: each side must "
            "be of 1 pixel or more. Nothing was computed."
        )
        raise InputSizeError(message)


def _conv_bn(conv: str, norm: str, shape: Shape) -> Iterator[Layer]:
    yield Layer(conv, "conv", shape)
    yield Layer(norm, "batch_norm", shape[:1])


def _block(name: str, block: Block) -> Iterator[Layer]:
    if block.expands:
        shape: Shape = (block.expanded, block.in_channels, 1, 1)
        yield from _conv_bn(f"{name}.expand_conv", f"{name}.bn0", shape)
    shape = (block.expanded, 1, block.kernel_size, block.kernel_size)
    yield from _conv_bn(f"{name}.depthwise_conv", f"{name}.bn1", shape)
    shape = (block.out_channels, block.expanded, 1, 1)
    yield from _conv_bn(f"{name}.project_conv", f"{name}.bn2", shape)


def _layers(config: EfficientNetLiteConfig) -> Iterator[Layer]:
    yield from _conv_bn("conv_stem", "bn0", (STEM_CHANNELS, 3, 3, 3))
    for place, block in enumerate(config.blocks):
        yield from _block(f"blocks.{place}", block)
    shape = (HEAD_CHANNELS, config.blocks[-1].out_channels, 1, 1)
    yield from _conv_bn("conv_head", "bn1", shape)
    yield Layer("fc", "linear", (config.num_classes, HEAD_CHANNELS), bias=True)


def _underscored() -> dict[str, str]:
    """Every name of the packages begins with an underscore: `_blocks.3._bn1`."""
    most = max(len(tuple(_blocks(scale))) for scale in SCALES.values())
    inner = {f"blocks.{place}.": f"_blocks.{place}._" for place in range(most)}
    return {"": "_", **inner}


class EfficientNetLiteFamily:
    """The `Family` of the EfficientNet-Lites."""

    variants = tuple(SCALES)
    namings = (
        Naming("efficientnet-lite-pytorch", _underscored()),
        Naming("plain", {"": ""}),
    )
    classifier = ("fc",)

    def configure(
        self, variant: str, *, num_classes: int = 1000
    ) -> EfficientNetLiteConfig:
        """See `Family.configure`."""
        if variant not in SCALES:
            raise UnknownNameError(variant, SCALES, kind="EfficientNet-Lite variant")
        return EfficientNetLiteConfig(variant, num_classes=num_classes)

    def infer(
        self, variant: str, shapes: Mapping[str, Shape]
    ) -> EfficientNetLiteConfig:
        """See `Family.infer`: the classifier's size."""
        known = self.configure(variant)
        # A scalar has no shape to infer from; that it does not fit is said later.
        classes = (shapes.get("fc.weight") or (known.num_classes,))[0]
        return self.configure(variant, num_classes=classes)

    def layers(self, config: Config) -> tuple[Layer, ...]:
        """See `Family.layers`."""
        return tuple(_layers(cast(EfficientNetLiteConfig, config)))

    def check_input_size(self, height: int, width: int) -> None:
        """See `check_input_size`."""
        check_input_size(height, width)


FAMILY = EfficientNetLiteFamily()
