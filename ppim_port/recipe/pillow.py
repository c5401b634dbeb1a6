"""What Pillow does in a recipe: decode, resize with antialias, hand over its images.

Pillow is an extra. Pixels are BGR here as everywhere: the order of three bytes is no
arithmetic. A `PIL.Image` that a caller hands to an OpenCV recipe is refused in modes
that Pillow converts to RGB by other arithmetic (CMYK, 16-bit, float), because the
tensor would differ without a word.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from ppim_port.errors import ImageError, MissingPackageError

if TYPE_CHECKING:
    from ppim_port.recipe.decode import Pixels
    from ppim_port.recipe.record import Recipe

_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")


def require_pillow() -> None:
    """Refuse before the first picture what Pillow is needed for.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        import PIL.Image  # noqa: F401 - looked for, used below
    except ImportError as error:
        name, extra = "pillow", "pil"
        raise MissingPackageError(name, extra) from error


def is_pillow(image: object) -> bool:
    """Whether this is an image of an already imported Pillow."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(image, module.Image)


def from_pillow(image: Any, recipe: Recipe) -> Pixels:
    """A Pillow image as uint8 BGR [H, W, 3], turned by EXIF if the recipe says so.

    Raises:
        ImageError: the recipe decodes with OpenCV, and the mode has no conversion
            that agrees with OpenCV's.
    """
    from PIL import ImageOps

    if recipe.decoder != "pillow" and image.mode not in _MODES:
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


def decode(data: bytes, recipe: Recipe) -> Pixels | None:
    """Encoded bytes as uint8 BGR [H, W, 3]; None if Pillow finds no whole picture."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            return from_pillow(image, recipe)
    except MemoryError:
        raise
    except Exception:
        # Pillow's readers raise what they like on damaged files: OSError, ValueError,
        # SyntaxError, struct.error; the caller says which file it was.
        return None


def resize(image: Pixels, size: tuple[int, int], interpolation: str) -> Pixels:
    """Scale uint8 [H, W, 3] to (height, width), averaging over what a pixel covers."""
    from PIL import Image

    kind = Image.Resampling[interpolation.upper()]
    scaled = Image.fromarray(image).resize(size[::-1], kind)
    return np.array(scaled)
