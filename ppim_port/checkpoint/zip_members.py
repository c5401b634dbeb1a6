"""The members of an uncompressed zip archive, every claim checked against its bytes.

Stricter than zip readers are: the archive fills the file, the directory and the local
headers agree, members do not overlap, every CRC is right. Refused by name: compressed,
encrypted, duplicate and oddly named members, because two readers that disagree about
them see two different files.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from ppim_port.checkpoint import limits
from ppim_port.checkpoint.complaints import damaged, refused
from ppim_port.checkpoint.pages import in_turn
from ppim_port.errors import CorruptCheckpointError

_END = Struct("<4s4H2LH")
_END64 = Struct("<4sQ2H2L4Q")
_LOCATOR = Struct("<4sLQL")
_CENTRAL = Struct("<4s6H3L5H2L")
_LOCAL = Struct("<4s5H3L2H")
_U64 = Struct("<Q")
_PAIR = Struct("<HH")
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED, _DESCRIPTOR = 0x1, 0x8
# A data descriptor: with or without signature, 32 or 64 bits a size.
_GAPS = frozenset({12, 16, 20, 24})
_PLAIN_FLAGS = _DESCRIPTOR | 0x800  # a data descriptor, UTF-8 names


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive, as its directory entry describes it."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    header: int


@dataclass(frozen=True, slots=True)
class Archive:
    """The directory of an archive; its members' data is not looked at yet."""

    members: tuple[Member, ...]
    end: int


@dataclass(frozen=True, slots=True)
class _Directory:
    count: int
    size: int
    start: int


def read_directory(view: memoryview, where: str) -> Archive:
    """List the members.

    Args:
        view: The whole file.
        where: The file, for messages.

    Raises:
        CorruptCheckpointError: Cut off or inconsistent.
        UnsafeCheckpointError: A name that occurs twice.
    """
    directory = _directory(view, where)
    return Archive(tuple(_entries(view, directory, where)), directory.start)


def read_members(
    view: memoryview, archive: Archive, where: str
) -> dict[str, memoryview]:
    """Name to bytes, not copied, in the directory's order.

    Raises:
        CorruptCheckpointError: Cut off, or a wrong CRC.
        UnsafeCheckpointError: A member that readers could see differently.
    """
    for member in archive.members:
        _check_kind(member, where)
    spans = _spans(view, archive, where)
    checked = (
        (m.name, _checked_data(view[slice(*spans[m.name])], m, where))
        for m in archive.members
    )
    return dict(in_turn(checked, view))


def _spans(
    view: memoryview, archive: Archive, where: str
) -> dict[str, tuple[int, int]]:
    """Where each member's data lies; together they fill the file."""
    spans: dict[str, tuple[int, int]] = {}
    free, gaps = 0, frozenset({0})
    for member in sorted(archive.members, key=lambda m: m.header):
        if member.header >= archive.end:
            damaged(f"{_named(where, member)} lies beyond the end")
        _check_gap(member.header - free, gaps, _named(where, member))
        start = _checked_start(view, member, where)
        free = start + member.size
        gaps = _GAPS if member.flags & _DESCRIPTOR else frozenset({0})
        spans[member.name] = (start, free)
    _check_gap(archive.end - free, gaps, f"{where}: the zip directory")
    return spans


def _check_gap(gap: int, allowed: frozenset[int], name: str) -> None:
    if gap < 0:
        refused(f"{name} overlaps a zip member")
    if gap not in allowed:
        refused(f"{name} follows {gap} bytes that belong to no member")


def _at(view: memoryview, at: int, signature: bytes) -> bool:
    return bytes(view[at : at + 4]) == signature


def _named(where: str, member: Member) -> str:
    return f"{where}: zip member {member.name[:80]!a}"


def _directory(view: memoryview, where: str) -> _Directory:
    at = len(view) - _END.size
    if at < 0 or not _at(view, at, b"PK\5\6"):
        damaged(
            f"{where}: the zip archive has no end where the file ends: it was cut off, "
            f"or something follows it. Download it again."
        )
    _, disk, disk2, here, count, size, start, comment = _END.unpack_from(view, at)
    directory, end = _Directory(count, size, start), at
    if (wide := _directory64(view, at, where)) is not None:
        directory, end = wide
        if not _agree((here, count, size, start), directory):
            damaged(f"{where}: its two zip directories disagree")
    elif here != count:
        damaged(f"{where}: the zip directory is inconsistent")
    if disk or disk2 or comment or directory.start + directory.size != end:
        damaged(f"{where}: the zip directory is inconsistent")
    if directory.count > limits.MAX_MEMBERS:
        refused(f"{where}: {directory.count} zip members")
    return directory


def _agree(narrow: tuple[int, ...], wide: _Directory) -> bool:
    """Whether the 32-bit record repeats the 64-bit one, or defers to it."""
    expected = (wide.count, wide.count, wide.size, wide.start)
    full = (_FULL16, _FULL16, _FULL32, _FULL32)
    return all(n in (e, f) for n, e, f in zip(narrow, expected, full, strict=True))


def _directory64(
    view: memoryview, end: int, where: str
) -> tuple[_Directory, int] | None:
    at = end - _LOCATOR.size
    if at < 0 or not _at(view, at, b"PK\6\7"):
        return None
    _, disk, record, _ = _LOCATOR.unpack_from(view, at)
    fits = record + _END64.size == at and _at(view, record, b"PK\6\6")
    if disk or not fits:
        damaged(f"{where}: the zip64 directory is inconsistent")
    *_, here, count, size, start = _END64.unpack_from(view, record)
    if here != count:
        damaged(f"{where}: the zip64 directory is inconsistent")
    return _Directory(count, size, start), record


def _entries(view: memoryview, directory: _Directory, where: str) -> Iterator[Member]:
    at, end = directory.start, directory.start + directory.size
    names: set[str] = set()
    for _ in range(directory.count):
        member, at = _entry(view[:end], at, where)
        if member.name in names:
            refused(f"{_named(where, member)} occurs twice")
        names.add(member.name)
        yield member
    if at != end:
        damaged(f"{where}: the zip directory has a wrong length")


def _entry(view: memoryview, at: int, where: str) -> tuple[Member, int]:
    if at + _CENTRAL.size > len(view) or not _at(view, at, b"PK\1\2"):
        damaged(f"{where}: a broken zip directory entry")
    fields = _CENTRAL.unpack_from(view, at)
    flags, method, crc, packed, size = (fields[i] for i in (3, 4, 7, 8, 9))
    n_name, n_extra, n_note, header = (fields[i] for i in (10, 11, 12, 16))
    start = at + _CENTRAL.size
    end = start + n_name + n_extra + n_note
    if end > len(view):
        damaged(f"{where}: a broken zip directory entry")
    name = _text(view[start : start + n_name], where)
    extra = view[start + n_name : start + n_name + n_extra]
    size, packed, header = _widened((size, packed, header), extra, where)
    return Member(name, flags, method, crc, packed, size, header), end


def _text(raw: memoryview, where: str) -> str:
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError:
        text = f"{where}: a zip member's name is not text"
        raise CorruptCheckpointError(text) from None


def _widened(
    numbers: tuple[int, int, int], extra: memoryview, where: str
) -> tuple[int, int, int]:
    """Replace 32-bit placeholders by the zip64 extra field's numbers, in order."""
    if _FULL32 not in numbers:
        return numbers
    wide = iter(_zip64_numbers(extra))
    values = [next(wide, None) if n == _FULL32 else n for n in numbers]
    size, packed, header = values
    if size is None or packed is None or header is None:
        damaged(f"{where}: a zip64 entry without its numbers")
    return size, packed, header


def _zip64_numbers(extra: memoryview) -> list[int]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = _PAIR.unpack_from(extra, at)
        body = extra[at + 4 : at + 4 + length]
        if kind == 1:
            usable = len(body) - len(body) % 8
            return [number for (number,) in _U64.iter_unpack(body[:usable])]
        at += 4 + length
    return []


def _check_kind(member: Member, where: str) -> None:
    if member.flags & _ENCRYPTED:
        refused(f"{_named(where, member)} is encrypted")
    if member.method != 0 or member.packed != member.size:
        refused(
            f"{_named(where, member)} is compressed; torch never writes that, and a "
            f"few bytes could become gigabytes"
        )
    if member.flags & ~_PLAIN_FLAGS:
        refused(f"{_named(where, member)} has unknown zip flags")


def _checked_start(view: memoryview, member: Member, where: str) -> int:
    """Where the data starts, once the local header repeats the directory."""
    at = member.header
    broken = f"{_named(where, member)} has a broken local header"
    if at + _LOCAL.size > len(view) or not _at(view, at, b"PK\3\4"):
        damaged(broken)
    _, _, flags, method, _, _, *sizes, n_name, n_extra = _LOCAL.unpack_from(view, at)
    name = view[at + _LOCAL.size : at + _LOCAL.size + n_name]
    start: int = at + _LOCAL.size + n_name + n_extra
    if start + member.size > len(view):
        damaged(f"{_named(where, member)} is cut off")
    same = bytes(name) == member.name.encode() and method == member.method
    if not (same and flags == member.flags and _same_sizes(sizes, member)):
        refused(f"{broken}: it says otherwise than the directory")
    return start


def _same_sizes(sizes: list[int], member: Member) -> bool:
    if sizes == [0, 0, 0] and member.flags & _DESCRIPTOR:
        return True
    crc, packed, size = sizes
    # A zip64 member's local header defers to its extra field.
    right = {member.size, _FULL32}
    return crc == member.crc and packed in right and size in right


def _checked_data(data: memoryview, member: Member, where: str) -> memoryview:
    if zlib.crc32(data) != member.crc:
        damaged(
            f"{_named(where, member)} fails its CRC: the file was damaged or edited. "
            f"Download it again."
        )
    return data
