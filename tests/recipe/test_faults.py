"""A file that is no picture is an error that names it, whatever is wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ppim_port.errors import ImageError
from ppim_port.recipe import Transform, decode
from tests.recipe.made import encoded, official, texture

PICTURE = encoded(texture(60, 50))
PNG = encoded(texture(60, 50), "PNG")
FAULTS = {
    "empty": (b"", "the file is empty"),
    "html": (b"\n <!DOCTYPE html><html>404", "it looks like HTML"),
    "text": (b"n01440764 0\n", "OpenCV finds no whole picture"),
    "gzip": (gzip.compress(PICTURE), "OpenCV finds no whole picture"),
    "truncated": (PICTURE[:-100], "cut short"),
    "three bytes": (PICTURE[:3], "cut short"),
    "truncated PNG": (PNG[:-30], "OpenCV finds no whole picture"),
    "flipped PNG": (PNG[:99] + bytes([PNG[99] ^ 1]) + PNG[100:], "no whole picture"),
    "absurd size": (
        PNG[:16] + b"\x7f\xff\xff\xff" * 2 + PNG[24:],
        "OpenCV finds no whole picture",
    ),
    "more pixels than OpenCV takes": (
        b"P6 65535 65535 255\n" + bytes(99),
        "OpenCV finds no whole picture",
    ),
    "zeros": (bytes(4096), "OpenCV finds no whole picture"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_file_is_refused_by_name(fault: str, tmp_path: Path) -> None:
    data, why = FAULTS[fault]
    path = tmp_path / "bad one.JPEG"
    path.write_bytes(data)
    with pytest.raises(ImageError) as caught:
        Transform(official())(path)
    text = str(caught.value)
    assert text.startswith(f"{str(path)!r}: the picture cannot be decoded: ")
    assert why in text
    assert text.endswith(
        "It was not replaced or skipped. Restore the file and run again."
    )


def test_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "absent.JPEG"
    with pytest.raises(ImageError, match=r"absent.JPEG'.*No such file or directory"):
        decode(path, official())


def test_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="Is a directory"):
        decode(tmp_path, official())


def test_a_zero_byte_in_the_name_is_refused() -> None:
    with pytest.raises(ImageError, match="null byte"):
        decode("a\0b", official())


def test_a_file_that_may_not_be_read_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    # chmod would not stop root, which tests in containers run as.
    monkeypatch.setattr(Path, "read_bytes", deny)
    with pytest.raises(ImageError, match=r"locked.JPEG'.*Permission denied"):
        decode(tmp_path / "locked.JPEG", official())


def test_encoded_bytes_are_called_by_the_given_name() -> None:
    with pytest.raises(ImageError, match=r"^'n1/x.JPEG': "):
        decode(PICTURE[:-100], official(), name="n1/x.JPEG")
    with pytest.raises(ImageError, match=r"^'<bytes>': "):
        decode(b"", official())
