"""The nets of Keras' involution example without a framework: variants, layers, sizes.

Structure after keras.io/examples/vision/involution (Aritra Roy Gosthipaty, Apache-2.0),
which prints 13,074 and 319,178 trainable parameters. The one published net, linked
there, is a SavedModel of Keras 2, which is not read here. The groups of a Keras weights
file are the example's own, so files that it saved fit as they are:
`layers/involution_1/kernel_gen/layers/conv2d/vars/0`.

Refused: images of any size but 32x32, because the first dense layer has a weight for
every place of the last map.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, cast

from ppim_port.errors import InputSizeError, UnknownNameError
from ppim_port.models.family import Config, Layer, Naming, Shape

CHANNELS: Mapping[str, tuple[int, int, int]] = {
    "involution": (3, 3, 3),
    "convolution": (32, 64, 64),
}
"""Channels that the three stages put out."""
IMAGE_CHANNELS = 3
IMAGE_SIZE = 32
MAP_SIZE = IMAGE_SIZE // 4
HIDDEN = 64
KERNEL_SIZE = 3
REDUCTION = 2
# Keras' own defaults, which the example leaves as they are. MOMENTUM is PyTorch's: the
# part of the new value, where Keras' 0.99 is that of the old one.
EPSILON = 1e-3
MOMENTUM = 0.01


@dataclass(frozen=True, slots=True)
class InvolutionCifarConfig:
    """What decides a net's layers.

    Attributes:
        variant: "involution" or "convolution".
        num_classes: outputs of the classifier.
        image_size: pixels of a side; the nets take no other.
    """

    variant: str
    num_classes: int = 10
    image_size: int = IMAGE_SIZE
    family: ClassVar[str] = "involution_cifar"

    @property
    def channels(self) -> tuple[int, int, int]:
        """Channels that the three stages put out."""
        return CHANNELS[self.variant]

    @property
    def features(self) -> int:
        """Numbers of the last map."""
        return self.channels[-1] * MAP_SIZE**2


def check_input_size(height: int, width: int) -> None:
    """Accept images of 32x32.

    Args:
        height: of the images, in pixels.
        width: of the images, in pixels.

    Raises:
        InputSizeError: any other size.
    """
    if (height, width) != (IMAGE_SIZE, IMAGE_SIZE):
        message = (
            f"The nets of Keras' involution example take images of {IMAGE_SIZE}x"
            f"{IMAGE_SIZE} alone, not {height}x{width}: their first dense layer has a "
            "weight for every place of the map. Nothing was computed."
        )
        raise InputSizeError(message)


def _numbered(name: str, place: int) -> str:
    """What Keras calls the place-th layer of a class among its neighbours."""
    return f"layers/{name}_{place}" if place else f"layers/{name}"


def _involution(place: int, before: int) -> Iterator[Layer]:
    name = f"mix{place + 1}.kernel_gen"
    group = f"{_numbered('involution', place)}/kernel_gen/layers"
    reduced = before // REDUCTION
    into: Shape = (reduced, before, 1, 1)
    out_of: Shape = (KERNEL_SIZE**2, reduced, 1, 1)
    yield Layer(f"{name}.0", "conv", into, bias=True, keras=f"{group}/conv2d")
    norm = f"{group}/batch_normalization"
    yield Layer(f"{name}.1", "batch_norm", (reduced,), keras=norm)
    yield Layer(f"{name}.3", "conv", out_of, bias=True, keras=f"{group}/conv2d_1")


def _convolution(place: int, before: int, channels: int) -> Iterator[Layer]:
    shape: Shape = (channels, before, KERNEL_SIZE, KERNEL_SIZE)
    group = _numbered("conv2d", place)
    yield Layer(f"mix{place + 1}", "conv", shape, bias=True, keras=group)


def _layers(config: InvolutionCifarConfig) -> Iterator[Layer]:
    before = IMAGE_CHANNELS
    for place, channels in enumerate(config.channels):
        if config.variant == "involution":
            yield from _involution(place, before)
        else:
            yield from _convolution(place, before, channels)
        before = channels
    sizes = (config.features, HIDDEN, config.num_classes)
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        group = _numbered("dense", place)
        yield Layer(
            f"fc{place + 1}", "linear", (outputs, inputs), bias=True, keras=group
        )


class InvolutionCifarFamily:
    """The `Family` of the two nets of the example."""

    variants = tuple(CHANNELS)
    namings = (Naming("plain", {"": ""}),)
    classifier = ("fc2",)

    def configure(
        self, variant: str, *, num_classes: int = 10
    ) -> InvolutionCifarConfig:
        """See `Family.configure`."""
        if variant not in CHANNELS:
            raise UnknownNameError(variant, CHANNELS, kind="CIFAR variant")
        return InvolutionCifarConfig(variant, num_classes)

    def infer(self, variant: str, shapes: Mapping[str, Shape]) -> InvolutionCifarConfig:
        """See `Family.infer`: the classifier's size."""
        config = self.configure(variant)
        # A scalar has no shape to infer from; that it does not fit is said later.
        classes = (shapes.get("fc2.weight") or (config.num_classes,))[0]
        return replace(config, num_classes=classes)

    def layers(self, config: Config) -> tuple[Layer, ...]:
        """See `Family.layers`."""
        return tuple(_layers(cast(InvolutionCifarConfig, config)))

    def check_input_size(self, height: int, width: int) -> None:
        """See `check_input_size`."""
        check_input_size(height, width)


FAMILY = InvolutionCifarFamily()
