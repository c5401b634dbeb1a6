"""One picture out of a table of them, as a file that every decoder reads.

The set's own form is planes of raw pixels. They are handed on as a PPM, a header of
thirteen bytes before interleaved RGB: nothing is compressed or rounded, so its bytes
and so its digest are the same whichever form the pixels came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import pack
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from eval.cifar_sets import SIDE
from eval.dataset.parquet import Cell
from ppim_port.errors import ImageError

Pixels: TypeAlias = NDArray[np.uint8]

_HEADER = b"P6\n%d %d\n255\n" % (SIDE, SIDE)
# Signature and header chunk: width, height, 8 bits, RGB.
_PNG = b"\x89PNG\r\n\x1a\n" + pack(">I4sIIBB", 13, b"IHDR", SIDE, SIDE, 8, 2)
# The last chunk of every whole PNG; decoders fill up what a cut one lacks.
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class Planes:
    """A row of a table: red, green and blue planes one after the other."""

    table: Pixels = field(repr=False, compare=False)
    row: int

    def read(self) -> bytes:
        """The picture as a PPM."""
        planes = self.table[self.row].reshape(3, SIDE, SIDE)
        data: bytes = planes.transpose(1, 2, 0).tobytes()
        return _HEADER + data


@dataclass(frozen=True, slots=True)
class Png:
    """A cell of a Parquet file, in which pictures are PNGs."""

    cell: Cell

    def read(self) -> bytes:
        """The picture as a PPM.

        Raises:
            ImageError: it is no whole PNG of 32 x 32 8-bit colour pixels.
        """
        pixels = _decoded(self.cell.read())
        if pixels is None:
            msg = (
                f"{str(self.cell.shard)!r}, row {self.cell.row} of group "
                f"{self.cell.group}: no whole PNG of {SIDE} x {SIDE} colour pixels, 8 "
                "bits each. A lossy or resized copy is another data set. Take the "
                "original."
            )
            raise ImageError(msg)
        rgb: Pixels = pixels[:, :, ::-1]
        return _HEADER + rgb.tobytes()


def _decoded(data: bytes) -> Pixels | None:
    import cv2

    # Looked at before it is decoded: a header may ask for gigabytes.
    if not data.startswith(_PNG) or not data.endswith(_PNG_END):
        return None
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    return None if found is None else np.asarray(found, np.uint8)
