"""A tar read in place: its members are found once, their bytes are read by offset.

Nothing is extracted, so no name in it can lead anywhere. Reading is `pread`: threads
share one file without a lock. Refused: compressed tars (no offsets), an archive that
ends before its end marker or in the middle of a member (Python's reader would take
what is there for all), and members that are neither files nor folders.
"""

from __future__ import annotations

import os
import tarfile
import weakref
from dataclasses import dataclass, field
from pathlib import Path

from eval.dataset.listing import some
from ppim_port.errors import DatasetError, ImageError

_BLOCK = 512
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZ": "bzip2", b"\xfd7": "xz", b"(\xb5": "zstd"}


class TarFile:
    """An open tar; closed when nobody holds it or one of its members any more."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            msg = f"{str(path)!r}: the archive cannot be read: {error.strerror}."
            raise DatasetError(msg) from error
        weakref.finalize(self, os.close, self.descriptor)
        self.size = os.fstat(self.descriptor).st_size


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a tar."""

    tar: TarFile = field(repr=False, compare=False)
    name: str
    offset: int
    size: int

    @property
    def path(self) -> Path:
        """What errors call it."""
        return self.tar.path / self.name.lstrip("/")

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            ImageError: the archive cannot be read, or has become shorter.
        """
        parts, position, end = [], self.offset, self.offset + self.size
        try:
            while position < end:
                part = os.pread(self.tar.descriptor, end - position, position)
                if not part:
                    break
                parts.append(part)
                position += len(part)
        except OSError as error:
            msg = f"{str(self.path)!r}: cannot be read: {error.strerror}."
            raise ImageError(msg) from error
        if position < end:
            msg = f"{str(self.path)!r}: the archive was cut short meanwhile."
            raise ImageError(msg)
        return b"".join(parts)


def is_tar(path: Path) -> bool:
    """Whether a file starts as a tar does, or is named like one."""
    try:
        with path.open("rb") as file:
            head = file.read(_BLOCK)
    except OSError:
        return False
    return head[257:262] == b"ustar" or path.suffix == ".tar"


def members(path: Path) -> list[Member]:
    """The files of a tar, in its order, without hidden ones.

    Raises:
        DatasetError: not a tar, compressed, cut short, or with odd members.
    """
    tar = TarFile(path)
    _refuse_compressed(tar)
    found = _walk(tar)
    _refuse_unfinished(tar, found)
    odd = [m.name for m in found if not (m.isreg() or m.isdir())]
    odd += [m.name for m in found if m.isreg() and m.sparse is not None]
    if odd:
        msg = (
            f"{str(path)!r}: {len(odd)} members are links, devices or sparse files: "
            f"{some(odd)}. Only plain files are read in place; pack it again."
        )
        raise DatasetError(msg)
    return [
        Member(tar, m.name.removeprefix("./"), m.offset_data, m.size)
        for m in found
        if m.isreg() and not m.name.rpartition("/")[2].startswith(".")
    ]


def first_names(path: Path, count: int = 20) -> list[str]:
    """Names of the first members; fewer, or none, if the tar is damaged."""
    try:
        with tarfile.open(path, "r:") as archive:
            return [
                member.name for _, member in zip(range(count), archive, strict=False)
            ]
    except (tarfile.TarError, OSError, ValueError, OverflowError):
        return []


def _walk(tar: TarFile) -> list[tarfile.TarInfo]:
    try:
        with tarfile.open(tar.path, "r:") as archive:
            return archive.getmembers()
    except (tarfile.TarError, OSError, ValueError, OverflowError) as error:
        msg = (
            f"{str(tar.path)!r}: not a tar, or a damaged one: {error}. Restore it; its "
            "md5 is shown by `evaluate check`."
        )
        raise DatasetError(msg) from error


def _refuse_compressed(tar: TarFile) -> None:
    head = os.pread(tar.descriptor, 2, 0)
    if head in _COMPRESSED:
        msg = (
            f"{str(tar.path)!r}: compressed by {_COMPRESSED[head]}, so members cannot "
            "be read in place. Decompress it first."
        )
        raise DatasetError(msg)


def _refuse_unfinished(tar: TarFile, found: list[tarfile.TarInfo]) -> None:
    """A damaged header ends Python's walk as if it were the end of the archive."""
    ends = [m.offset_data + -(-m.size // _BLOCK) * _BLOCK for m in found if m.isreg()]
    ends += [m.offset_data for m in found if not m.isreg()]
    end = max(ends, default=0)
    if os.pread(tar.descriptor, 2 * _BLOCK, end) != bytes(2 * _BLOCK):
        last = repr(found[-1].name) if found else "its start"
        what = "cut short" if end + 2 * _BLOCK > tar.size else "damaged"
        msg = (
            f"{str(tar.path)!r}: {what} after {last}: no end marker follows (byte "
            f"{end:,} of {tar.size:,}). Nothing was evaluated. Restore the archive."
        )
        raise DatasetError(msg)
