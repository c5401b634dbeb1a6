"""RedNet without a framework: variants, layers, names, and sizes that work.

Structure after the paper (arXiv 2103.06255) and the official code
(github.com/d-li14/involution, cls/mmcls/models/backbones/rednet.py); the counts of
keys and parameters that follow from it are tested against the published ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt, prod
from typing import ClassVar, cast

from ppim_port.errors import InputSizeError, MappingError, UnknownNameError
from ppim_port.models.family import Config, Layer, Naming, Shape
from ppim_port.models.features import STEM_REDUCTION, STRIDES

BLOCKS: Mapping[str, tuple[int, int, int, int]] = {
    "26": (1, 2, 4, 1),
    "38": (2, 3, 5, 2),
    "50": (3, 4, 6, 3),
    "101": (3, 4, 23, 3),
    "152": (3, 8, 36, 3),
}
GROUP_CHANNELS = 16
REDUCTION = 4
KERNEL_SIZE = 7
EXPANSION = 4
STEM_CHANNELS = 64
STAGE_CHANNELS = (64, 128, 256, 512)
SIZE_STEP = 32
SIZE_SLACK = 3

STEM_SPAN = "stem.1.conv2.conv.weight"


@dataclass(frozen=True, slots=True)
class RedNetConfig:
    """What decides a RedNet's layers.

    Attributes:
        variant: "26", "38", "50", "101" or "152".
        num_classes: outputs of the classifier.
        stem_kernel_size: of the stem's involution: 3 in every released file. The
            published size of RedNet-152 (33.99 M) would fit 7, so it is read from the
            checkpoint and not assumed.
    """

    variant: str
    num_classes: int = 1000
    stem_kernel_size: int = 3
    family: ClassVar[str] = "rednet"

    @property
    def blocks(self) -> tuple[int, int, int, int]:
        """Bottlenecks in each of the four stages."""
        return BLOCKS[self.variant]


def check_input_size(
    height: int, width: int, strides: Sequence[int] | None = None
) -> None:
    """Accept images that the official net accepts.

    At an involution of stride 2 the unfolded input has ceil(n / 2) positions and the
    average-pooled kernels floor(n / 2): they fit where ceil(H / 4) and ceil(W / 4) are
    multiples of 8; with other strides, of their product.

    Args:
        height: of the images, in pixels.
        width: of the images, in pixels.
        strides: of the stages that run; None for the published ones.

    Raises:
        InputSizeError: names the nearest sizes that work.
    """
    step = STEM_REDUCTION * prod(strides or STRIDES)
    bad = [n for n in (height, width) if n < 1 or -n % step > SIZE_SLACK]
    if not bad:
        return
    # Half of the slack, so that the middle between two spans rounds the right way.
    near = max(step, round((bad[0] + SIZE_SLACK / 2) / step) * step)
    spans = ", ".join(f"{n - SIZE_SLACK}..{n}" for n in (step, 2 * step))
    usual = f" ... {224 - SIZE_SLACK}..224, ..." if step == SIZE_STEP else " ..."
    message = (
        f"RedNet cannot take images of {height}x{width}: each side must be {step}k-3 "
        f"to {step}k pixels ({spans},{usual}), as in the official net. "
        f"Nearest to {bad[0]}: {near - SIZE_SLACK}..{near}."
    )
    raise InputSizeError(message)


def _conv_bn(name: str, shape: Shape) -> Iterator[Layer]:
    yield Layer(f"{name}.conv", "conv", shape)
    yield Layer(f"{name}.bn", "batch_norm", shape[:1])


def _involution(name: str, channels: int, kernel_size: int) -> Iterator[Layer]:
    reduced = channels // REDUCTION
    span = kernel_size**2 * (channels // GROUP_CHANNELS)
    yield from _conv_bn(f"{name}.conv1", (reduced, channels, 1, 1))
    yield Layer(f"{name}.conv2.conv", "conv", (span, reduced, 1, 1), bias=True)


def _bottleneck(name: str, in_channels: int, channels: int) -> Iterator[Layer]:
    out_channels = channels * EXPANSION
    yield Layer(f"{name}.conv1", "conv", (channels, in_channels, 1, 1))
    yield Layer(f"{name}.bn1", "batch_norm", (channels,))
    yield from _involution(f"{name}.conv2", channels, KERNEL_SIZE)
    yield Layer(f"{name}.bn2", "batch_norm", (channels,))
    yield Layer(f"{name}.conv3", "conv", (out_channels, channels, 1, 1))
    yield Layer(f"{name}.bn3", "batch_norm", (out_channels,))
    if in_channels != out_channels:
        shape = (out_channels, in_channels, 1, 1)
        yield Layer(f"{name}.downsample.0", "conv", shape)
        yield Layer(f"{name}.downsample.1", "batch_norm", (out_channels,))


def _layers(config: RedNetConfig) -> Iterator[Layer]:
    half = STEM_CHANNELS // 2
    yield from _conv_bn("stem.0", (half, 3, 3, 3))
    yield from _involution("stem.1", half, config.stem_kernel_size)
    yield Layer("stem.2", "batch_norm", (half,))
    yield from _conv_bn("stem.4", (STEM_CHANNELS, half, 3, 3))
    in_channels = STEM_CHANNELS
    for stage, channels in enumerate(STAGE_CHANNELS):
        for block in range(config.blocks[stage]):
            name = f"layer{stage + 1}.{block}"
            yield from _bottleneck(name, in_channels, channels)
            in_channels = channels * EXPANSION
    yield Layer("fc", "linear", (config.num_classes, in_channels), bias=True)


class RedNetFamily:
    """The `Family` of the RedNets."""

    variants = tuple(BLOCKS)
    namings = (
        Naming("official", {"": "backbone.", "fc.": "head.fc."}),
        Naming("plain", {"": ""}),
    )
    classifier = ("fc",)

    def configure(self, variant: str, *, num_classes: int = 1000) -> RedNetConfig:
        """See `Family.configure`."""
        if variant not in BLOCKS:
            raise UnknownNameError(variant, BLOCKS, kind="RedNet variant")
        return RedNetConfig(variant, num_classes=num_classes)

    def infer(self, variant: str, shapes: Mapping[str, Shape]) -> RedNetConfig:
        """See `Family.infer`: the classifier's size and the stem's kernel size."""
        config = self.configure(variant)
        # A scalar has no shape to infer from; that it does not fit is said later.
        classes = (shapes.get("fc.weight") or (config.num_classes,))[0]
        span = (shapes.get(STEM_SPAN) or (config.stem_kernel_size**2 * 2,))[0]
        kernel_size = isqrt(span * GROUP_CHANNELS // (STEM_CHANNELS // 2))
        if kernel_size % 2 == 0 or kernel_size**2 * 2 != span:
            message = (
                f"{STEM_SPAN}: {span} outputs fit no involution kernel of odd size; "
                "expected 18 (3x3) or 98 (7x7). Nothing was converted."
            )
            raise MappingError(message)
        return RedNetConfig(variant, num_classes=classes, stem_kernel_size=kernel_size)

    def layers(self, config: Config) -> tuple[Layer, ...]:
        """See `Family.layers`."""
        return tuple(_layers(cast(RedNetConfig, config)))

    def check_input_size(self, height: int, width: int) -> None:
        """See `check_input_size`."""
        check_input_size(height, width)


FAMILY = RedNetFamily()
