"""Disks that fill up: no file under its final name, and words about what is left."""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ppim_port.errors import FetchError
from ppim_port.fetch import Download
from ppim_port.fetch.lock import recorded
from tests.fetch.conftest import Get
from tests.fetch.server import Answer, Server

Build = Callable[..., Download]


def test_full_disk_leaves_no_file_and_says_what_is_kept(
    server: Server,
    get: Get,
    source: Build,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.serve("/file", Answer())
    opened = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda path, *args, **more: (
            _FullDisk(opened(path, *args, **more))
            if path.suffix == ".part"
            else opened(path, *args, **more)
        ),
    )
    with pytest.raises(FetchError, match=r"No space left.*are kept in.*resumed"):
        get(source(), source("/file", name="mirror"))
    assert not (cache / "net.pth").exists()
    assert recorded(source().url) is None
    assert len(server.asked) == 1  # another source would meet the same disk


def test_disk_without_room_is_noticed_before_the_download(
    server: Server,
    get: Get,
    source: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.serve("/file", Answer())
    usage = shutil.disk_usage("/")._replace(free=299_999)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(FetchError, match=r"300000 bytes are still .*299999 free"):
        get(source())


def test_bytes_then_name_are_synced_so_that_a_power_cut_leaves_all_or_nothing(
    server: Server,
    get: Get,
    source: Build,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.serve("/file", Answer())
    events: list[tuple[str, int]] = []
    sync, rename = os.fsync, Path.replace

    def noted_sync(handle: int) -> None:
        events.append(("sync", os.fstat(handle).st_ino))
        sync(handle)

    def noted_rename(path: Path, target: Path) -> Path:
        events.append(("rename", path.stat().st_ino))
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_rename)
    file = get(source()).path.stat().st_ino
    synced, renamed = events.index(("sync", file)), events.index(("rename", file))
    assert synced < renamed
    assert ("sync", cache.stat().st_ino) in events[renamed:]


class _FullDisk(io.BufferedIOBase):
    """A file that takes 100,000 bytes and no more."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, chunk: Any) -> int:
        if self._file.tell() + len(chunk) > 100_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return int(self._file.write(chunk))

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()

    def fileno(self) -> int:
        return int(self._file.fileno())

    def close(self) -> None:
        self._file.close()
        super().close()
