"""A file becomes 8-bit BGR pixels as the recipe's decoder gives them, or an error.

Never a picture that is partly made up: a JPEG that stops early is refused unless all
of its picture data is proved present. The content decides, not the name: ILSVRC2012
holds a PNG named .JPEG and CMYK JPEGs, and OpenCV decodes them as it always did.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ppim_port.errors import ImageError
from ppim_port.recipe import jpeg, pillow

if TYPE_CHECKING:
    from ppim_port.recipe.record import Recipe

Pixels: TypeAlias = NDArray[np.uint8]

_NEXT = "It was not replaced or skipped. Restore the file and run again."


def read_picture(path: str | Path) -> bytes:
    """All bytes of a picture file.

    Raises:
        ImageError: it is missing, a folder, or may not be read.
    """
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        # ValueError: a zero byte in the name.
        why = getattr(error, "strerror", None) or str(error)
        msg = f"{str(path)!r}: the picture cannot be read: {why}. {_NEXT}"
        raise ImageError(msg) from error


def decode(
    source: str | Path | bytes, recipe: Recipe, *, name: str | None = None
) -> Pixels:
    """Decode one picture, of any format that the decoder reads, to uint8 BGR [H, W, 3].

    Args:
        source: a path, or the encoded bytes.
        recipe: says who decodes, and whether EXIF's orientation turns the picture.
        name: what errors call the picture; by default the path.

    Raises:
        ImageError: missing, empty, truncated, or not a picture.
    """
    data = source if isinstance(source, bytes) else read_picture(source)
    if name is None:
        name = "<bytes>" if isinstance(source, bytes) else str(source)
    end = jpeg.ending(data) if jpeg.is_jpeg(data) else "whole"
    if end == "whole":
        image = _imdecode(data, recipe)
    else:
        image = _decode_open(data, recipe) if end == "open" else None
    if image is None:
        why = _why(data, end, recipe)
        msg = f"{name!r}: the picture cannot be decoded: {why}. {_NEXT}"
        raise ImageError(msg)
    return image


def _imdecode(data: bytes, recipe: Recipe) -> Pixels | None:
    if not data:
        return None
    if recipe.decoder == "pillow":
        return pillow.decode(data, recipe)
    import cv2

    flags = cv2.IMREAD_COLOR
    if not recipe.exif_rotation:
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        # Absurd sizes in the header; the caller says which file.
        return None
    return None if image is None else image.astype(np.uint8, copy=False)


def _decode_open(data: bytes, recipe: Recipe) -> Pixels | None:
    """The picture of a JPEG without end marker, if no padding shows in it."""
    first, second = (_imdecode(closed, recipe) for closed in jpeg.closings(data))
    if first is None or second is None or not np.array_equal(first, second):
        return None
    return first


def _why(data: bytes, end: jpeg.Ending, recipe: Recipe) -> str:
    if not data:
        return "the file is empty"
    if end != "whole":
        return f"this JPEG is cut short: its {len(data)} bytes end before the picture"
    if data[:512].lstrip().startswith(b"<"):
        return f"it looks like HTML, as of a failed download: {data[:24]!r}"
    who = {"opencv": "OpenCV", "pillow": "Pillow"}[recipe.decoder]
    return f"{who} finds no whole picture in {len(data)} bytes from {data[:12]!r} on"
