"""What kind of file a picture is, read from its headers alone: nothing is decoded.

Facts that have made two evaluations differ: orientation that one decoder applies and
another ignores, colour profiles, CMYK, a PNG with the name of a JPEG.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])", re.DOTALL)
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_SUBSAMPLING = {
    (1, 1): "4:4:4",
    (2, 1): "4:2:2",
    (2, 2): "4:2:0",
    (4, 1): "4:1:1",
    (1, 2): "4:4:0",
}
_SUFFIXES = {
    "jpeg": (".jpeg", ".jpg", ".jpe"),
    "png": (".png",),
    "gif": (".gif",),
    "bmp": (".bmp",),
    "webp": (".webp",),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """One picture's headers.

    Attributes:
        format: "jpeg", "png", "gif", "bmp", "webp", "ppm" or "unknown", by content.
        misnamed: whether the name's suffix says another format.
        components: 1 grey, 3 colour, 4 CMYK; 0 unknown.
        subsampling: of a colour JPEG's chroma, such as "4:2:0"; else empty.
        progressive: a JPEG in several scans.
        orientation: EXIF's, 1..8; 1 is upright, 0 is none.
        icc: whether a colour profile is embedded.
        deep: more than 8 bits a channel.
    """

    format: str
    misnamed: bool
    components: int = 0
    subsampling: str = ""
    progressive: bool = False
    orientation: int = 0
    icc: bool = False
    deep: bool = False


def facts(data: bytes, name: str) -> Facts:
    """Read the headers of an encoded picture; damaged ones give what is there."""
    kind = _format(data)
    suffixes = _SUFFIXES.get(kind)
    misnamed = suffixes is not None and not name.lower().endswith(suffixes)
    if kind == "jpeg":
        return _jpeg(data, misnamed)
    if kind == "png":
        return _png(data, misnamed)
    return Facts(kind, misnamed)


def census(found: Iterable[Facts]) -> dict[str, object]:
    """How many pictures have which fact."""
    every = list(found)
    return {
        "formats": _counted(f.format for f in every),
        "misnamed": sum(f.misnamed for f in every),
        "grey": sum(f.components == 1 for f in every),
        "cmyk": sum(f.components == 4 and f.format == "jpeg" for f in every),
        "deep": sum(f.deep for f in every),
        "progressive": sum(f.progressive for f in every),
        "icc": sum(f.icc for f in every),
        "exif_rotated": sum(f.orientation > 1 for f in every),
        "orientations": _counted(str(f.orientation) for f in every if f.orientation),
        "subsampling": _counted(f.subsampling for f in every if f.subsampling),
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _format(data: bytes) -> str:
    if data[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:2] == b"P6":
        return "ppm"
    return {b"GIF8": "gif"}.get(data[:4], "bmp" if data[:2] == b"BM" else "unknown")


def _jpeg(data: bytes, misnamed: bool) -> Facts:
    position, orientation, icc = 2, 0, False
    while found := _MARKER.search(data, position):
        marker, start = data[found.end() - 1], found.end()
        size = int.from_bytes(data[start : start + 2], "big")
        segment = data[start + 2 : start + size]
        if marker == 0xE1 and segment[:6] == b"Exif\0\0" and not orientation:
            orientation = _orientation(segment[6:])
        icc |= marker == 0xE2 and segment[:12] == b"ICC_PROFILE\0"
        if marker in _FRAMES:
            return Facts(
                "jpeg",
                misnamed,
                segment[5] if len(segment) > 5 else 0,
                _subsampling(segment),
                marker in _PROGRESSIVE,
                orientation,
                icc,
                segment[:1] > b"\x08",
            )
        # Of two bytes at least, or a damaged length would hold the walk for ever.
        position = start + max(size, 2)
    return Facts("jpeg", misnamed, orientation=orientation, icc=icc)


def _subsampling(frame: bytes) -> str:
    """From the sampling factors of a frame of three components."""
    if len(frame) < 15 or frame[5] != 3:
        return ""
    across, down = zip(*((b >> 4, b & 15) for b in frame[7:15:3]), strict=True)
    chroma = set(zip(across[1:], down[1:], strict=True))
    if len(chroma) != 1 or not across[1] or not down[1]:
        return "other"
    return _SUBSAMPLING.get((across[0] // across[1], down[0] // down[1]), "other")


def _orientation(tiff: bytes) -> int:
    """The value of tag 0x0112 in the first directory; 0 if there is none."""
    order = {b"II": "little", b"MM": "big"}.get(tiff[:2])
    if order not in ("little", "big"):
        return 0

    def number(start: int, length: int) -> int:
        part = tiff[start : start + length]
        return int.from_bytes(part, "little" if order == "little" else "big")

    begin = number(4, 4)
    for entry in range(min(number(begin, 2), 512)):
        at = begin + 2 + 12 * entry
        if number(at, 2) == 0x0112:
            value = number(at + 8, 2)
            return value if 1 <= value <= 8 else 0
    return 0


def _png(data: bytes, misnamed: bool) -> Facts:
    depth, colour = (data[24], data[25]) if len(data) > 25 else (0, 0)
    components = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}.get(colour, 0)
    icc = b"iCCP" in data[:512]
    return Facts("png", misnamed, components, icc=icc, deep=depth == 16)
