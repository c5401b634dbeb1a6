"""Building files that lie: pickles in every carrier, zips whose every field can be set.

A carrier is one of the three layouts that hold a pickle.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from struct import pack

from ppim_port.checkpoint import pickle_emit as emit
from ppim_port.checkpoint.legacy_pth import MAGIC
from tests.checkpoint.made import pickled, state_opcodes, tensor_opcodes

LEGACY_HEAD = b"".join(
    [
        pickled(b"\x8a\x0a" + MAGIC.to_bytes(10, "little")),
        pickled(emit.integer(1001)),
        pickled(b"}" + emit.text("little_endian") + b"\x88s"),
    ]
)


@dataclass(frozen=True)
class Part:
    """A zip member; what is None is told honestly."""

    name: str
    data: bytes = b""
    method: int = 0
    flags: int = 0
    crc: int | None = None
    size: int | None = None
    packed: int | None = None
    local_name: str | None = None
    local_size: int | None = None
    local_crc: int | None = None
    header: int | None = None
    before: bytes = b""
    twice_listed: bool = False


def zip_bytes(
    parts: Sequence[Part], *, comment: bytes = b"", tail: bytes = b""
) -> bytes:
    """A zip archive of `parts`, lies included."""
    body, directory, count = b"", b"", 0
    for part in parts:
        body += part.before
        entry = _central(part, len(body)) * (1 + part.twice_listed)
        body += _local(part) + part.data
        directory, count = directory + entry, count + 1 + part.twice_listed
    end = pack("<4H2LH", 0, 0, count, count, len(directory), len(body), len(comment))
    return body + directory + b"PK\5\6" + end + comment + tail


def _numbers(part: Part) -> tuple[int, int, int]:
    crc = zlib.crc32(part.data) if part.crc is None else part.crc
    size = len(part.data) if part.size is None else part.size
    return crc, size if part.packed is None else part.packed, size


def _central(part: Part, at: int) -> bytes:
    name = part.name.encode()
    head = pack("<4H", 10, 10, part.flags, part.method) + pack("<2H", 0, 0x21)
    place = at if part.header is None else part.header
    rest = pack("<5H2L", len(name), 0, 0, 0, 0, 0, place)
    return b"PK\1\2" + head + pack("<3L", *_numbers(part)) + rest + name


def _local(part: Part) -> bytes:
    name = (part.name if part.local_name is None else part.local_name).encode()
    crc, packed, size = _numbers(part)
    if part.local_size is not None:
        packed = size = part.local_size
    crc = crc if part.local_crc is None else part.local_crc
    head = pack("<5H", 10, part.flags, part.method, 0, 0x21)
    return b"PK\3\4" + head + pack("<3L2H", crc, packed, size, len(name), 0) + name


def honest_parts(pickle: bytes | None = None) -> list[Part]:
    """The members of a sound checkpoint of one tensor of four float32."""
    pickle = pickled(state_opcodes(tensor_opcodes())) if pickle is None else pickle
    return [
        Part("archive/data.pkl", pickle),
        Part("archive/byteorder", b"little"),
        Part("archive/data/0", pack("<4f", 1, 2, 3, 4)),
        Part("archive/version", b"3\n"),
    ]


def changed(number: int, **changes: object) -> bytes:
    """A sound checkpoint but for one member."""
    parts = honest_parts()
    parts[number] = replace(parts[number], **changes)  # type: ignore[arg-type]
    return zip_bytes(parts)


def in_zip(pickle: bytes) -> bytes:
    return zip_bytes(honest_parts(pickle))


def in_legacy(
    pickle: bytes, *, keys: bytes | None = None, data: bytes | None = None
) -> bytes:
    keys = b"]" + emit.text("0") + b"a" if keys is None else keys
    data = pack("<q4f", 4, 1, 2, 3, 4) if data is None else data
    return LEGACY_HEAD + pickle + pickled(keys) + data


def in_pdparams(pickle: bytes) -> bytes:
    return pickle


CARRIERS: dict[str, Callable[[bytes], bytes]] = {
    "zip": in_zip,
    "legacy": in_legacy,
    "pdparams": in_pdparams,
}
