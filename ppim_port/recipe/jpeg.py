r"""How a JPEG ends, told from its markers, so that no cut file passes for a whole one.

Decoders differ here: of a cut file `cv2.imread` 5.0 returns the missing part in grey
with a line on stderr, `cv2.imdecode` 5.0 returns nothing, older ones return either.
The walk follows the segment lengths and stops at the first end marker (EOI) outside
a segment, so thumbnails in EXIF blocks and bytes after the picture do not mislead it.

What it cannot see, because it decodes nothing: bytes that were overwritten or lost
*inside* the picture data with the end marker still in place, as when a tool cuts a
file and then appends an EOI (libjpeg prints a warning, the rest comes out grey); and
a progressive file that lacks whole scans but was closed properly. Only a digest of
the file can prove that none of this has happened.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

Ending: TypeAlias = Literal["whole", "open", "broken"]

_SOI, _EOI, _SOS, _DRI = 0xD8, 0xD9, 0xDA, 0xDD
_SEQUENTIAL = frozenset((0xC0, 0xC1))
# A marker: not a stuffed 0xFF00, not fill bytes, not one of the bare ones (RST, TEM)
# that stand inside the picture data.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])", re.DOTALL)
_END = b"\xff\xd9"
# The first missing bit is 0 in one and 1 in the other, so Huffman decoding differs.
_PADDINGS = (b"\x00" * 64, b"\xfe" * 64)


def is_jpeg(data: bytes) -> bool:
    """Whether the bytes start as a JPEG does; a name proves nothing."""
    return data[:3] == b"\xff\xd8\xff"


def ending(data: bytes) -> Ending:
    """Walk the markers of a JPEG.

    Returns:
        "whole": the end marker was reached. "open": the bytes stop inside the only
        scan of a sequential picture, so what is missing may be just the end marker.
        "broken": they stop anywhere else, or in a picture with restart intervals, of
        which whole ones may be missing.
    """
    position, components, restarts, scan = 2, b"", False, False
    while found := _MARKER.search(data, position):
        marker, start = data[found.end() - 1], found.end()
        if marker == _EOI:
            return "whole"
        size = 0 if marker == _SOI else int.from_bytes(data[start : start + 2], "big")
        position = start + size
        if position >= len(data):
            return "broken"
        if marker in _SEQUENTIAL:
            components = data[start + 7 : start + 8]
        restarts |= marker == _DRI
        listed = data[start + 2 : start + 3]
        scan = marker == _SOS and bool(components) and listed == components
    return "open" if scan and not restarts else "broken"


def closings(data: bytes) -> tuple[bytes, ...]:
    """An "open" JPEG closed in two ways, for a proof that nothing else is missing.

    If the two decode to one picture, the decoder needed none of the padding: all of
    the picture was there. Zeros at the end are dropped first, because a download
    into a preallocated file ends in them and they decode as picture data.
    """
    body = data.rstrip(b"\x00\xff")
    return tuple(body + padding + _END for padding in _PADDINGS)
