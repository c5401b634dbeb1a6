"""The published archives, `.tar.gz` or `.tar`, read in place: two members of them.

Nothing is extracted to the disk, so no name in it can lead anywhere. The stream is
read to its end, because the checksum of gzip stands there. Refused: damaged and cut
archives, members that are no plain files, and archives that unpack to absurd sizes.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from eval.cifar_sets import SOURCE
from ppim_port.errors import DatasetError

# The largest published archive unpacks to 186 MB, its training file has 155 MB.
_MOST = 1 << 30
_MOST_OF_ONE = 1 << 28
_STEP = 1 << 20
_DAMAGE = (tarfile.TarError, OSError, EOFError, ValueError, OverflowError, zlib.error)


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Limited:
    """A stream that refuses to give more than `_MOST` bytes."""

    def __init__(self, stream: _Readable, path: Path) -> None:
        self._stream, self._path, self._left = stream, path, _MOST

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            msg = (
                f"{str(self._path)!r}: unpacks to more than {_MOST:,} bytes, so it is "
                f"not the published archive. Take the original of {SOURCE}."
            )
            raise DatasetError(msg)
        return data


def read_members(path: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """Members by their base names, those of `wanted` alone.

    Raises:
        DatasetError: no archive, a damaged one, or one that is not the published one.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not packed:
                return _members(_Limited(raw, path), path, wanted)
            with gzip.open(raw) as stream:
                return _members(_Limited(stream, path), path, wanted)
    except _DAMAGE as error:
        msg = (
            f"{str(path)!r}: no tar.gz, or a damaged one: {error}. Nothing was "
            f"evaluated. Download it again from {SOURCE}."
        )
        raise DatasetError(msg) from error


def _members(stream: _Limited, path: Path, wanted: Collection[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
        for member in archive:
            name = member.name.rpartition("/")[2]
            if name not in wanted:
                continue
            if not member.isreg() or member.size > _MOST_OF_ONE or name in found:
                msg = (
                    f"{str(path)!r}: {member.name!r} is a link, is there twice, or has "
                    f"{member.size:,} bytes: not the published archive. Take the "
                    f"original of {SOURCE}."
                )
                raise DatasetError(msg)
            taken = archive.extractfile(member)
            assert taken is not None  # of a plain file it never is
            found[name] = taken.read()
    while stream.read(_STEP):
        pass
    return found
