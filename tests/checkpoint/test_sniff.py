"""A file that is no checkpoint is called what it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ppim_port.checkpoint import FileFormat, read, sniff
from ppim_port.errors import CheckpointError, CorruptCheckpointError
from tests.checkpoint.made import safetensors_bytes


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xef\xbb\xbf \n<!DOCTYPE html><html>", "HTML page"),
        (b"<html><body>Sign in</body></html>", "HTML page"),
        (b'<?xml version="1.0"?><Error>AccessDenied</Error>', "HTML page"),
        (b'{"error": "not found"}', "JSON text"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"\x1f\x8b\x08" + bytes(20), "gzip data"),
        (b"a" * 257 + b"ustar\0" + b"a" * 249, "tar archive"),
        (b"RIFF1234", "52 49 46 46"),
        (b"x", "78"),
    ],
)
def test_other_files_are_called_what_they_are(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    for look in (sniff, read):
        with pytest.raises(CheckpointError, match=says) as caught:
            look(path)
        assert str(path) in str(caught.value)


def test_a_safetensors_header_may_start_like_a_pickle(tmp_path: Path) -> None:
    entry = b'{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
    content = safetensors_bytes(entry.ljust(0x80), b"x")
    assert content[0] == 0x80
    (tmp_path / "a").write_bytes(content)
    assert sniff(tmp_path / "a") is FileFormat.SAFETENSORS
    assert list(read(tmp_path / "a").state) == ["w"]


def test_an_empty_file_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(CorruptCheckpointError, match="is empty"):
        read(tmp_path / "a")


@pytest.mark.parametrize("name", ["", "absent", "nul\0"])
def test_no_such_file_is_a_clear_error(tmp_path: Path, name: str) -> None:
    says = "not a regular file|does not exist|not a proper file name"
    with pytest.raises(CheckpointError, match=says):
        read(f"{tmp_path}/{name}")


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="not a regular file"):
        read(tmp_path / "pipe")
