"""A small text file is written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ppim_port.errors import OutputError
from ppim_port.output import write_text


def test_text_is_written_as_utf8_without_translation(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text("größe\r\n×\n", path)
    assert path.read_bytes() == "größe\r\n×\n".encode()


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a much longer text")
    write_text("short", path)
    assert path.read_text() == "short"


def test_bytes_of_a_file_name_come_out_as_they_went_in(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(os.fsdecode(b"odd\xff"), path)
    assert path.read_bytes() == b"odd\xff"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "a.txt"
    with pytest.raises(OutputError) as caught:
        write_text("text", path)
    assert str(caught.value) == (
        f"{path}: cannot be written: No such file or directory. What was there before "
        "is unchanged."
    )
    assert caught.value.exit_code == 2


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Is a directory"):
        write_text("text", tmp_path)


def test_a_full_disk_leaves_the_older_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.txt"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_text("new", path)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]
