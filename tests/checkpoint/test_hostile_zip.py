"""Zip archives that two readers could see differently, or that are damaged."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ppim_port.checkpoint import read
from ppim_port.errors import (
    CheckpointError,
    CorruptCheckpointError,
    UnsafeCheckpointError,
)
from tests.checkpoint.hostile import Part, changed, honest_parts, zip_bytes


def repacked(**options: Any) -> bytes:
    """The sound archive as Python's zipfile writes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for part in honest_parts():
            archive.writestr(part.name, part.data)
    return buffer.getvalue()


def with_extra(*parts: Part) -> bytes:
    return zip_bytes([*honest_parts(), *parts])


def patched(old: bytes, new: bytes, number: int = 0) -> bytes:
    """The sound archive with the numbered occurrence of `old` replaced."""
    content = zip_bytes(honest_parts())
    at = -1
    for _ in range(number + 1):
        at = content.index(old, at + 1)
    return content[:at] + new + content[at + len(old) :]


def without(name: str) -> bytes:
    return zip_bytes([part for part in honest_parts() if part.name != name])


def renamed(old: str, new: str) -> bytes:
    parts = honest_parts()
    return zip_bytes(
        [Part(p.name.replace(old, new), p.data) for p in parts],
    )


UNSAFE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a deflated archive": (
        lambda: repacked(compression=zipfile.ZIP_DEFLATED),
        "compressed",
    ),
    "a bzip2 archive": (lambda: repacked(compression=zipfile.ZIP_BZIP2), "compressed"),
    "a deflate bomb": (lambda: changed(2, method=8, size=1 << 31), "compressed"),
    "packed is not size": (lambda: changed(2, packed=15), "compressed"),
    "an encrypted member": (lambda: changed(2, flags=1), "encrypted"),
    "strong encryption": (lambda: changed(2, flags=0x40), "unknown zip flags"),
    "masked headers": (lambda: changed(2, flags=0x2000), "unknown zip flags"),
    "a member twice": (lambda: with_extra(honest_parts()[2]), "occurs twice"),
    "a member listed twice": (lambda: changed(2, twice_listed=True), "occurs twice"),
    "two pickles": (lambda: with_extra(Part("archive/data.pkl", b"x")), "occurs twice"),
    "overlapping members": (lambda: changed(3, header=0), "overlaps"),
    "hidden bytes between": (lambda: changed(2, before=b"x" * 50), "no member"),
    "hidden bytes at the start": (
        lambda: changed(0, before=b"PK\3\4" * 9),
        "no member",
    ),
    "another local name": (lambda: changed(2, local_name="archive/data/1"), "local"),
    "another local size": (lambda: changed(2, local_size=12), "local"),
    "another local CRC": (lambda: changed(2, local_crc=1), "local"),
    "two roots": (lambda: with_extra(Part("other/data.pkl", b"x")), "top folders"),
    "no root": (lambda: renamed("archive/", ""), "top folders"),
    "the parent folder": (lambda: renamed("archive", ".."), "unsafe name"),
    "an absolute path": (lambda: renamed("archive", ""), "unsafe name"),
    "a climbing member": (lambda: with_extra(Part("archive/../x")), "does not write"),
    "a stray member": (lambda: with_extra(Part("archive/evil.so")), "does not write"),
    "a folder": (lambda: with_extra(Part("archive/data/")), "does not write"),
    "a backslash": (lambda: with_extra(Part("archive/data\\1")), "does not write"),
    "a NUL": (lambda: with_extra(Part("archive/data/1\0.x")), "does not write"),
    "control characters": (lambda: with_extra(Part("archive/\x1b[2J")), "x1b"),
    "an ordinary archive": (lambda: zip_bytes([Part("a.txt"), Part("b")]), "unpack it"),
}
CORRUPT: dict[str, tuple[Callable[[], bytes], str]] = {
    "a wrong CRC": (lambda: changed(2, crc=1), "fails its CRC"),
    "a flipped bit in a weight": (
        lambda: patched(b"\0\0\x80?", b"\0\0\x80>"),
        "fails its CRC",
    ),
    "a flipped bit in the pickle": (lambda: patched(b"cpu", b"cpv"), "fails its CRC"),
    "an edited byte order": (lambda: patched(b"little", b"litt1e"), "fails its CRC"),
    "no pickle": (lambda: without("archive/data.pkl"), "no data.pkl"),
    "no storage": (lambda: without("archive/data/0"), "storage is missing"),
    "a short storage": (lambda: changed(2, data=bytes(12)), "should have 16"),
    "a long storage": (lambda: changed(2, data=bytes(20)), "should have 16"),
    "a comment": (lambda: zip_bytes(honest_parts(), comment=b"hello"), "no end"),
    "a tail": (lambda: zip_bytes(honest_parts(), tail=b"x"), "no end"),
    "a second end": (
        lambda: zip_bytes(honest_parts(), tail=b"PK\5\6" + bytes(18)),
        "inconsistent|top folders",
    ),
    "a size beyond the file": (lambda: changed(3, size=1 << 30), "cut off"),
    "a header beyond the file": (lambda: changed(3, header=1 << 30), "beyond the end"),
    "a broken local signature": (lambda: patched(b"PK\3\4", b"PK\3\5", 1), "broken"),
    "a broken directory": (lambda: patched(b"PK\1\2", b"PK\1\3", 2), "broken"),
    "a name that is not text": (
        lambda: patched(b"archive/version", b"\xff" * 15, 1),
        "not text",
    ),
    "an entry too many": (lambda: patched(b"\4\0\4\0", b"\5\0\5\0"), "broken"),
    "an entry too few": (lambda: patched(b"\4\0\4\0", b"\3\0\3\0"), "wrong length"),
    "counts that differ": (lambda: patched(b"\4\0\4\0", b"\3\0\4\0"), "inconsistent"),
    "zip64 without its numbers": (lambda: changed(3, size=0xFFFFFFFF), "zip64"),
}


def turned_away(
    tmp_path: Path, content: bytes, error: type[CheckpointError], says: str
) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    with pytest.raises(error, match=says) as caught:
        read(path)
    assert type(caught.value) is error
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", UNSAFE)
def test_an_ambiguous_archive_is_refused(tmp_path: Path, name: str) -> None:
    build, says = UNSAFE[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = build()
    turned_away(tmp_path, content, UnsafeCheckpointError, says)


@pytest.mark.parametrize("name", CORRUPT)
def test_a_damaged_archive_is_corrupt(tmp_path: Path, name: str) -> None:
    build, says = CORRUPT[name]
    turned_away(tmp_path, build(), CorruptCheckpointError, says)


def test_a_big_endian_archive_is_not_read(tmp_path: Path) -> None:
    content = changed(1, data=b"big")
    turned_away(tmp_path, content, CheckpointError, "byteorder is b'big'")


def test_archives_from_before_the_byteorder_member_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(without("archive/byteorder"))
    assert list(read(tmp_path / "a").state) == ["w"]


@pytest.mark.parametrize("zip64", [False, True])
def test_an_uncompressed_repack_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zip64: bool
) -> None:
    if zip64:
        # As in archives over 4 GiB: numbers move to the zip64 records.
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    content = repacked()
    assert (b"PK\6\6" in content) is zip64
    (tmp_path / "a").write_bytes(content)
    assert read(tmp_path / "a").state["w"].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("field", range(4))
def test_two_directories_that_disagree_are_corrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: int
) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    content = bytearray(repacked())
    at = content.index(b"PK\6\6") + 24 + 8 * field
    content[at] ^= 1
    turned_away(tmp_path, bytes(content), CorruptCheckpointError, "zip|broken|director")
