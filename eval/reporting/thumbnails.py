"""Small copies of pictures as data URIs, or the reason why there is none.

Refused: a name that leads out of the folder, because ledgers come from strangers, and
a file whose digest is not the scored one's, because the report would show a picture
that the net never saw.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

SIDE = 160
_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture, or why not; exactly one of the two is set.

    Attributes:
        uri: `data:image/jpeg;base64,...`.
        missing: a few words.
    """

    uri: str = ""
    missing: str = ""


def thumbnail(folder: Path | None, name: str, digest: str) -> Thumbnail:
    """The thumbnail of a scored picture.

    Args:
        folder: that ids are relative to; None if there is none.
        name: the picture's id.
        digest: sha256 of the scored file, in hex.
    """
    if folder is None:
        return Thumbnail(missing="no folder of pictures was given")
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        return Thumbnail(missing="its name leads out of the folder")
    try:
        data = (folder / parts).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return Thumbnail(missing=f"not read: {why}")
    if hashlib.sha256(data).hexdigest() != digest:
        return Thumbnail(missing="the file is not the one that was scored")
    return _shrunk(data)


def _shrunk(data: bytes) -> Thumbnail:
    import cv2

    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        return Thumbnail(missing="not decoded")
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    text = base64.b64encode(encoded.tobytes()).decode()
    return Thumbnail(uri=f"data:image/jpeg;base64,{text}")
