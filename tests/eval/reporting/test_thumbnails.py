"""Thumbnails and names of a report: small, whole, harmless."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from eval.reporting.text import escaped, visible
from eval.reporting.thumbnails import thumbnail


def picture(folder: Path, name: str = "a.png") -> str:
    pixels = np.random.default_rng(0).integers(0, 255, (300, 200, 3), np.uint8)
    data = cv2.imencode(".png", pixels)[1].tobytes()
    (folder / name).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def test_a_thumbnail_is_small_and_keeps_the_shape(tmp_path: Path) -> None:
    import base64

    found = thumbnail(tmp_path, "a.png", picture(tmp_path))
    data = base64.b64decode(found.uri.removeprefix("data:image/jpeg;base64,"))
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (160, 107, 3)
    assert not found.missing


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent.png", "not read"),
        ("../a.png", "leads out"),
        ("/etc/passwd", "leads out"),
        ("b/../../a.png", "leads out"),
        ("a\0b", "not read"),
        ("text.png", "not decoded"),
        ("other.png", "not the one that was scored"),
    ],
)
def test_a_picture_that_cannot_be_shown_says_why(
    tmp_path: Path, name: str, why: str
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture(tmp_path)
    picture(folder, "other.png")
    (folder / "text.png").write_bytes(b"text")
    found = thumbnail(folder, name, hashlib.sha256(b"text").hexdigest())
    assert not found.uri
    assert why in found.missing


def test_names_are_shown_whole_and_harmless() -> None:
    assert visible("a\n\x1b[31m\u202e\udcff") == r"a\n\x1b[31m\u202e\udcff"
    assert escaped("|<b>[x](y)`*_") == r"\|\<b\>\[x\](y)\`\*\_"
