"""Augmentations on uint8 BGR pictures with OpenCV, the same for both frameworks.

Every random number comes out of the generator that is handed in, and a generator is
made anew for each picture of each epoch (`batches.py`). So what a picture becomes does
not depend on the order of work, on the number of threads, or on where a run resumed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from examples.common.pictures import Pixels

Augmentation: TypeAlias = Callable[[Generator, Pixels], Pixels]

# ITU-R 601 luma, the grey of Pillow and of OpenCV; blue first.
GREY = np.array([0.114, 0.587, 0.299])


@dataclass(frozen=True, slots=True)
class Chain:
    """Some augmentations, one after the other."""

    steps: tuple[Augmentation, ...]

    def __call__(self, rng: Generator, picture: Pixels) -> Pixels:
        """uint8 `[H, W, 3]` to uint8 `[H', W', 3]`."""
        for step in self.steps:
            picture = step(rng, picture)
        return picture


@dataclass(frozen=True, slots=True)
class Sometimes:
    """An augmentation with a probability."""

    step: Augmentation
    probability: float = 0.5

    def __call__(self, rng: Generator, picture: Pixels) -> Pixels:
        """The picture itself, or what the step makes of it."""
        return self.step(rng, picture) if rng.random() < self.probability else picture


def flip(rng: Generator, picture: Pixels) -> Pixels:
    """Mirror left and right, every second time."""
    return np.ascontiguousarray(picture[:, ::-1]) if rng.random() < 0.5 else picture


@dataclass(frozen=True, slots=True)
class PaddedCrop:
    """Black around the picture, then a random crop of its old size."""

    padding: int

    def __call__(self, rng: Generator, picture: Pixels) -> Pixels:
        """uint8 `[H, W, 3]` to the same."""
        pad = self.padding
        wide = np.pad(picture, ((pad, pad), (pad, pad), (0, 0)))
        top, left = rng.integers(0, 2 * pad + 1, 2)
        height, width = picture.shape[:2]
        return np.ascontiguousarray(wide[top : top + height, left : left + width])


@dataclass(frozen=True, slots=True)
class Rotation:
    """Turn about the centre by up to so many degrees; black comes in at the corners.

    Nearest neighbour, the default of RandomRotation in paddle.vision and torchvision.
    """

    degrees: float

    def __call__(self, rng: Generator, picture: Pixels) -> Pixels:
        """uint8 `[H, W, 3]` to the same."""
        height, width = picture.shape[:2]
        angle = rng.uniform(-self.degrees, self.degrees)
        centre = ((width - 1) / 2, (height - 1) / 2)
        matrix = cv2.getRotationMatrix2D(centre, angle, 1.0)
        turned = cv2.warpAffine(
            picture, matrix, (width, height), flags=cv2.INTER_NEAREST
        )
        return np.asarray(turned, np.uint8)


@dataclass(frozen=True, slots=True)
class Brightness:
    """Scale all pixels by 1 - amount .. 1 + amount."""

    amount: float

    def __call__(self, rng: Generator, picture: Pixels) -> Pixels:
        """uint8 `[H, W, 3]` to the same."""
        factor = rng.uniform(1 - self.amount, 1 + self.amount)
        return _rounded(picture * factor)


@dataclass(frozen=True, slots=True)
class Contrast:
    """Scale the distance of all pixels to the mean grey by 1 - amount .. 1 + amount."""

    amount: float

    def __call__(self, rng: Generator, picture: Pixels) -> Pixels:
        """uint8 `[H, W, 3]` to the same."""
        factor = rng.uniform(1 - self.amount, 1 + self.amount)
        grey = (picture @ GREY).mean()
        return _rounded(grey + (picture - grey) * factor)


@dataclass(frozen=True, slots=True)
class ResizedCrop:
    """A random part of the picture, stretched to a square: Inception's crop.

    Attributes:
        side: of the result, in pixels.
        area: least and greatest part of the picture's area.
        ratio: least and greatest width over height.
    """

    side: int
    area: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __call__(self, rng: Generator, picture: Pixels) -> Pixels:
        """uint8 `[H, W, 3]` to uint8 `[side, side, 3]`."""
        high, wide = picture.shape[:2]
        part = rng.uniform(*self.area) * high * wide
        ratio = np.exp(rng.uniform(*np.log(self.ratio)))
        # Cut where it does not fit, where others draw again: one draw a picture.
        width = int(np.clip(round(np.sqrt(part * ratio)), 1, wide))
        height = int(np.clip(round(np.sqrt(part / ratio)), 1, high))
        top = int(rng.integers(0, high - height + 1))
        left = int(rng.integers(0, wide - width + 1))
        crop = picture[top : top + height, left : left + width]
        size = (self.side, self.side)
        return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_LINEAR))


def _rounded(values: NDArray[np.floating[Any]]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
