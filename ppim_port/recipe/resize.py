"""The short side becomes the recipe's, the long side follows by the recipe's rounding.

A picture whose short side fits already comes back untouched. Refused: results above
2^27 pixels (400 MB), which only absurdly long strips ask for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ppim_port.errors import ImageError
from ppim_port.recipe.pillow import resize as by_pillow

if TYPE_CHECKING:
    from ppim_port.recipe.decode import Pixels
    from ppim_port.recipe.record import Recipe

_MOST_PIXELS = 2**27


def resized_size(height: int, width: int, recipe: Recipe) -> tuple[int, int]:
    """Height and width after the resize, in pixels, from those before it.

    Raises:
        ImageError: an empty picture, or a result of more than 2^27 pixels.
    """
    short, long = sorted((height, width))
    if short < 1:
        msg = f"a picture of {height} x {width} pixels is empty: nothing to resize"
        raise ImageError(msg)
    side = recipe.resize_short_side
    new_long = _long_side(side, short, long, recipe)
    if side * new_long > _MOST_PIXELS:
        msg = (
            f"a picture of {height} x {width} pixels would become {side} x {new_long}, "
            f"more than {_MOST_PIXELS} pixels. Nothing was resized. Leave it out."
        )
        raise ImageError(msg)
    return (new_long, side) if height > width else (side, new_long)


def resize(image: Pixels, recipe: Recipe) -> Pixels:
    """Scale uint8 [H, W, 3] to the recipe's short side; the input is not changed.

    Raises:
        ImageError: an empty picture, or an absurd result.
    """
    height, width = image.shape[:2]
    size = resized_size(height, width, recipe)
    if size == (height, width):
        return image
    scaled = by_pillow if recipe.antialias else _by_opencv
    return scaled(image, size, recipe.interpolation)


def _by_opencv(image: Pixels, size: tuple[int, int], interpolation: str) -> Pixels:
    import cv2

    flag = {
        "bilinear": cv2.INTER_LINEAR,
        "bicubic": cv2.INTER_CUBIC,
        "area": cv2.INTER_AREA,
        "nearest": cv2.INTER_NEAREST,
    }[interpolation]
    scaled = cv2.resize(image, size[::-1], interpolation=flag)
    return scaled.astype(np.uint8, copy=False)


def _long_side(side: int, short: int, long: int, recipe: Recipe) -> int:
    """The longer side made whole, exactly, in integers.

    PaddleClas's round(long * (side / short)) in float64 is the same number wherever it
    could differ, at halves (tried for all sides below 8192 and 10,000).
    """
    whole, rest = divmod(side * long, short)
    if recipe.long_side_rounding == "floor":
        return whole
    # Half to even, as Python's round().
    return whole + (2 * rest + whole % 2 > short)
