"""Sizes after the resize and offsets of the crop, for every rounding rule."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppim_port.errors import ImageError
from ppim_port.recipe import center_crop, crop_offset, resize, resized_size
from tests.recipe.made import official, texture

SIDES = st.integers(1, 20_000)


@given(SIDES, SIDES, st.integers(1, 600))
def test_floored_long_side_is_the_float_expression_of_mmcls(
    height: int, width: int, side: int
) -> None:
    if side * side * max(height, width) / min(height, width) > 2**26:
        return
    got = resized_size(height, width, official(resize_short_side=side, crop_size=1))
    if width < height:
        assert got == (int(side * height / width), side)
    else:
        assert got == (side, int(side * width / height))


@given(SIDES, SIDES)
def test_rounded_long_side_is_nearest_and_half_goes_to_even(
    height: int, width: int
) -> None:
    short, long = sorted((height, width))
    if long > 1000 * short:
        return
    got = resized_size(height, width, official(long_side_rounding="round"))
    assert max(got) == round(Fraction(256 * long, short))
    assert min(got) == 256


def test_floor_and_round_differ_where_they_should() -> None:
    # 256 * 500 / 375 = 341.33, 256 * 500 / 333 = 384.38, 256 * 400 / 303 = 337.95
    assert resized_size(303, 400, official()) == (256, 337)
    rounded = official(long_side_rounding="round")
    assert resized_size(303, 400, rounded) == (256, 338)
    # Exactly half: 256.5 goes down to 256, 257.5 up to 258.
    assert resized_size(513, 512, rounded) == (256, 256)
    assert resized_size(515, 512, rounded) == (258, 256)
    assert resized_size(512, 3, official(resize_short_side=1, crop_size=1)) == (170, 1)


@given(st.integers(224, 3000))
def test_crop_offsets_follow_their_rule_and_stay_inside(side: int) -> None:
    exact = Fraction(side - 224, 2)
    even = crop_offset(side, official())
    down = crop_offset(side, official(crop_rounding="floor"))
    up = crop_offset(side, official(crop_rounding="half-up"))
    assert even == round((side - 224) / 2.0)
    assert down == exact.__floor__()
    assert up == exact.__ceil__()
    assert 0 <= down <= even <= up <= side - 224


def test_half_even_differs_from_both_other_rules() -> None:
    sides = [225, 227]
    rules = ("half-even", "floor", "half-up")
    offsets = {
        rule: [crop_offset(side, official(crop_rounding=rule)) for side in sides]
        for rule in rules
    }
    assert offsets == {"half-even": [0, 2], "floor": [0, 1], "half-up": [1, 2]}


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40))
def test_resize_and_crop_give_the_promised_shapes(
    height: int, width: int, side: int
) -> None:
    recipe = official(resize_short_side=side, crop_size=max(1, side - 3))
    scaled = resize(texture(60, 60)[:height, :width], recipe)
    assert scaled.shape[:2] == resized_size(height, width, recipe)
    assert center_crop(scaled, recipe).shape == (recipe.crop_size,) * 2 + (3,)


def test_a_fitting_picture_is_not_resampled_which_would_change_nothing() -> None:
    picture = texture(341, 256)
    assert resize(picture, official()) is picture
    assert np.array_equal(cv2.resize(picture, (341, 256)), picture)


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("bilinear", cv2.INTER_LINEAR),
        ("bicubic", cv2.INTER_CUBIC),
        ("area", cv2.INTER_AREA),
        ("nearest", cv2.INTER_NEAREST),
    ],
)
def test_interpolation_is_opencvs_of_that_name(name: str, flag: int) -> None:
    picture = texture(500, 375)
    wanted = cv2.resize(picture, (341, 256), interpolation=flag)
    assert np.array_equal(resize(picture, official(interpolation=name)), wanted)


def test_an_absurd_strip_is_refused_before_memory_is_asked_for() -> None:
    with pytest.raises(ImageError, match=r"1 x 60000000 pixels would become 256 x"):
        resized_size(1, 60_000_000, official())


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises(ImageError, match="0 x 5 pixels is empty"):
        resized_size(0, 5, official())


def test_a_picture_smaller_than_the_crop_is_refused() -> None:
    with pytest.raises(ImageError, match="223 pixels is too short for a crop of 224"):
        crop_offset(223, official())
