"""Augmentations are those of Pillow, and random only through their generator."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from examples.common.augment import (
    Brightness,
    Chain,
    Contrast,
    PaddedCrop,
    ResizedCrop,
    Rotation,
    Sometimes,
    flip,
)
from examples.common.pictures import Pixels
from examples.resnet_nam_cifar100.recipes import AUGMENTATIONS


class Fixed:
    """A generator that draws what it was told."""

    def __init__(self, value: float) -> None:
        self.value = value

    def uniform(self, low: float, high: float) -> float:
        return self.value

    def random(self) -> float:
        return self.value


def drawing(value: float) -> np.random.Generator:
    return cast(np.random.Generator, Fixed(value))


def picture(height: int = 32, width: int = 32) -> Pixels:
    rng = np.random.default_rng(3)
    small = rng.integers(0, 256, (4, 4, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height)), np.uint8)


def rgb(bgr: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(bgr[..., ::-1]))


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.1])
@pytest.mark.parametrize("name", ["Brightness", "Contrast"])
def test_brightness_and_contrast_are_pillows(name: str, factor: float) -> None:
    ours: Any = {"Brightness": Brightness, "Contrast": Contrast}[name](0.1)
    found = ours(drawing(factor), picture())
    theirs = getattr(ImageEnhance, name)(rgb(picture())).enhance(factor)
    expected = np.asarray(theirs, np.int16)[..., ::-1]
    # Pillow rounds the mean grey to a whole level, and cuts where we round.
    assert np.abs(found.astype(np.int16) - expected).max() <= 1


@pytest.mark.parametrize("angle", [90.0, 180.0, -90.0])
def test_right_angles_turn_exactly(angle: float) -> None:
    turned = Rotation(180)(drawing(angle), picture())
    assert (turned == np.rot90(picture(), round(angle / 90))).all()


def test_small_angles_turn_as_pillow_does() -> None:
    turned = Rotation(15)(drawing(11.0), picture())
    theirs = rgb(picture()).rotate(11.0, Image.Resampling.NEAREST)
    expected = np.asarray(theirs, np.uint8)[..., ::-1]
    # A pixel whose source lies between two may go either way.
    assert (turned == expected).all(axis=2).mean() > 0.97


def test_padded_crops_are_windows_of_the_padded_picture() -> None:
    shown = picture()
    padded = np.pad(shown, ((4, 4), (4, 4), (0, 0)))
    windows = {
        padded[y : y + 32, x : x + 32].tobytes() for y in range(9) for x in range(9)
    }
    rng = np.random.default_rng(0)
    found = {PaddedCrop(4)(rng, shown).tobytes() for _ in range(2000)}
    assert found == windows


def test_flips_half_of_the_time() -> None:
    rng, shown = np.random.default_rng(0), picture()
    flipped = sum((flip(rng, shown) == shown[:, ::-1]).all() for _ in range(400))
    assert 150 < flipped < 250  # five standard deviations


def test_sometimes_is_as_often_as_it_says() -> None:
    rng, shown = np.random.default_rng(0), np.full((2, 2, 3), 100, np.uint8)
    step = Sometimes(lambda rng, picture: picture + 1, 0.25)
    changed = sum(bool((step(rng, shown) != shown).all()) for _ in range(400))
    assert 57 < changed < 143  # five standard deviations


def test_resized_crops_cover_what_they_are_told_to() -> None:
    rng, shown = np.random.default_rng(0), np.zeros((60, 90, 3), np.uint8)
    assert ResizedCrop(24)(rng, shown).shape == (24, 24, 3)
    whole = ResizedCrop(60, area=(1, 1), ratio=(1.5, 1.5))
    assert (whole(rng, picture(60, 90)) != 0).any()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_same_generator_makes_the_same_picture(name: str) -> None:
    made = [
        AUGMENTATIONS[name](np.random.default_rng((1, 2, n)), picture())
        for n in (0, 0, 1)
    ]
    assert (made[0] == made[1]).all()
    assert (made[0] != made[2]).any()
    assert made[0].shape == (32, 32, 3)
    assert made[0].dtype == np.uint8


def test_a_chain_goes_from_the_first_to_the_last() -> None:
    chain = Chain((lambda rng, p: p + 1, lambda rng, p: p * 2))
    assert (chain(drawing(0), np.ones((1, 1, 3), np.uint8)) == 4).all()
