"""A heat map in colours: each from its own smallest to its own largest value."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ppim_port.state_dict import Array

Pixels: TypeAlias = NDArray[np.uint8]

MIDDLE = 128


def levels(values: Array) -> Pixels:
    """`[H, W]` as 0..255; a map of one value everywhere is in the middle."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.full(values.shape, MIDDLE, np.uint8)
    # Halved first: the range of two huge values may be none.
    share = (values / 2 - low / 2) / (high / 2 - low / 2)
    found: Pixels = np.rint(share * 255).astype(np.uint8)
    return found


def coloured(values: Array) -> Pixels:
    """`[H, W]` as uint8 BGR `[H, W, 3]`: dark blue is small, yellow is large."""
    import cv2

    return np.asarray(cv2.applyColorMap(levels(values), cv2.COLORMAP_VIRIDIS), np.uint8)


def png(pixels: Pixels) -> bytes:
    """uint8 BGR `[H, W, 3]` as a PNG file."""
    import cv2

    fine, data = cv2.imencode(".png", pixels)
    assert fine  # of such an array it always is
    return data.tobytes()
