"""Normalisation in the wrong units, worked out from right tensors."""

from __future__ import annotations

import numpy as np

from ppim_port.recipe import Recipe
from ppim_port.state_dict import Array

# Other nets' conventions that are taken for this one's: name, cause, mean, std.
OTHERS = (
    (
        "mean-half",
        "mean and std are 127.5, as of Inception",
        (127.5, 127.5, 127.5),
        (127.5, 127.5, 127.5),
    ),
    (
        "std-one",
        "the mean is subtracted, std is not divided by, as of Caffe",
        (123.675, 116.28, 103.53),
        (1.0, 1.0, 1.0),
    ),
)
WHOLE = np.float32(255)


def shrunk_pixels(tensors: Array, recipe: Recipe) -> Array:
    """(x / 255 - mean) / std, of tensors (x - mean) / std."""
    mean, std = _planes(recipe)
    return (_pixels(tensors, recipe) / WHOLE - mean) / std


def shrunk_mean(tensors: Array, recipe: Recipe) -> Array:
    """(x - mean / 255) / (std / 255)."""
    mean, std = _planes(recipe)
    return (_pixels(tensors, recipe) - mean / WHOLE) / (std / WHOLE)


def not_normalised(tensors: Array, recipe: Recipe) -> Array:
    """X / 255."""
    return _pixels(tensors, recipe) / WHOLE


def _pixels(tensors: Array, recipe: Recipe) -> Array:
    mean, std = _planes(recipe)
    # They were whole numbers: rounding makes them so again, exactly.
    pixels: Array = np.rint(tensors * std + mean)
    return pixels


def _planes(recipe: Recipe) -> tuple[Array, Array]:
    mean, std = (np.array(v, np.float32) for v in (recipe.mean, recipe.std))
    return mean[:, None, None], std[:, None, None]
