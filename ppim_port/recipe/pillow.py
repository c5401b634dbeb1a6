"""A `PIL.Image` becomes the pixels that OpenCV would have decoded, or is refused.

Pillow is no dependency: only an image of a Pillow that the caller has imported is
recognised. Refused: modes that Pillow converts to RGB by other arithmetic than
OpenCV (CMYK, 16-bit, float), because the tensor would differ without a word.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from ppim_port.errors import ImageError

if TYPE_CHECKING:
    from ppim_port.recipe.decode import Pixels
    from ppim_port.recipe.record import Recipe

_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")


def is_pillow(image: object) -> bool:
    """Whether this is an image of an already imported Pillow."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def from_pillow(image: Any, recipe: Recipe) -> Pixels:
    """A Pillow image as uint8 BGR [H, W, 3], turned by EXIF if the recipe says so.

    Raises:
        ImageError: the mode has no conversion that agrees with OpenCV's.
    """
    from PIL import ImageOps

    if image.mode not in _MODES:
        msg = (
            f"a PIL image of mode {image.mode!r} is not accepted: expected one of "
            f"{', '.join(_MODES)}, because Pillow and OpenCV convert others "
            f"differently. Nothing was converted. Pass the file's path instead."
        )
        raise ImageError(msg)
    if recipe.exif_rotation:
        image = ImageOps.exif_transpose(image)
    rgb: Pixels = np.asarray(image.convert("RGB"))
    return np.ascontiguousarray(rgb[..., ::-1])
