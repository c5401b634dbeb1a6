"""`evaluate check`: whole or not, the same or not, and what the pictures are."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.cli import main
from eval.commands.check import check
from eval.inspection import Facts, facts
from ppim_port.validation_set import TAR_MD5, official_name
from tests.eval.sets import LAYOUTS, PICTURES, put
from tests.recipe.made import MADE, encoded, texture

ONE, TWO = official_name(1), official_name(2)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return put(tmp_path / "val", PICTURES)


def checked(*words: object) -> int:
    return main(["check", "--val-dir", *map(str, words)])


def as_json(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    checked(*words, "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_whole_pictures_are_fine(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(root) == 0
    text = capsys.readouterr().out
    assert "pictures   6 in" in text
    assert "whole set  6 of the 50,000 validation pictures" in text
    assert text.endswith("check      FINE\n")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_the_same_manifest(layout: str, tmp_path: Path) -> None:
    place, val_list = LAYOUTS[layout](tmp_path)
    words = ["--val-list", val_list] if val_list else []
    path = tmp_path / "manifest.jsonl"
    assert checked(place, *words, "--write-manifest", path) == 0
    wanted = [
        {"id": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in sorted(PICTURES.items())
    ]
    assert [json.loads(line) for line in path.read_text().splitlines()] == wanted
    assert checked(place, *words, "--manifest", path) == 0


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda r: (r / ONE).unlink(), f"{ONE}: missing"),
    "added": (
        lambda r: (r / official_name(9)).write_bytes(PICTURES[ONE]),
        f"{official_name(9)}: not in the manifest",
    ),
    "another": (lambda r: (r / ONE).write_bytes(PICTURES[TWO]), f"{ONE}: "),
    "one bit": (
        lambda r: (r / ONE).write_bytes(
            PICTURES[ONE][:900] + bytes([PICTURES[ONE][900] ^ 1]) + PICTURES[ONE][901:]
        ),
        f"{ONE}: sha256",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_since_the_manifest_fails_by_name(
    change: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "manifest.jsonl"
    checked(root, "--write-manifest", path)
    make, text = CHANGES[change]
    make(root)
    capsys.readouterr()
    assert checked(root, "--manifest", path) == 1
    told = capsys.readouterr().out
    assert text in told
    assert "manifest   1 differences" in told
    assert "NOT FINE" in told


FAULTS = {
    "truncated": PICTURES[ONE][:3000],
    "empty": b"",
    "HTML": b"<html>404</html>",
    "half a header": PICTURES[ONE][:12],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_picture_fails_and_the_others_are_still_looked_at(
    fault: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / TWO).write_bytes(FAULTS[fault])
    found = as_json(capsys, root)
    assert [broken["id"] for broken in found["undecodable"]] == [TWO]
    assert (found["fine"], found["n"]) == (False, 6)
    assert checked(root) == 1
    path = tmp_path / "manifest.jsonl"
    assert checked(root, "--write-manifest", path) == 2
    assert not path.exists()


def test_an_unreadable_picture_fails_by_name(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == TWO:
            raise PermissionError(13, "Permission denied")
        return inner(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    found = as_json(capsys, root)
    assert [broken["id"] for broken in found["undecodable"]] == [TWO]
    assert "Permission denied" in found["undecodable"][0]["why"]


def test_a_data_set_that_cannot_be_opened_is_3(tmp_path: Path) -> None:
    assert checked(tmp_path / "gone") == 3
    put(tmp_path / "val", {"cat.jpg": b""})
    assert checked(tmp_path / "val") == 3


@pytest.mark.parametrize(
    "text", ["", "{}\n", "[1]\n", '{"id": 1, "size": 2, "sha256": ""}\n', "\xff"]
)
def test_a_bad_manifest_is_3(text: str, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_bytes(text.encode("latin-1"))
    assert checked(root, "--manifest", path) == 3


def test_an_id_twice_in_a_manifest_is_3(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    checked(root, "--write-manifest", path)
    path.write_text(path.read_text() * 2)
    assert checked(root, "--manifest", path) == 3


def test_a_tars_md5_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, _ = LAYOUTS["tar"](tmp_path)
    found = as_json(capsys, root)
    assert found["tar_md5"] == hashlib.md5(root.read_bytes()).hexdigest()
    assert (found["tar_is_official"], found["fine"]) == (False, True)


@pytest.mark.parametrize(("md5", "fine"), [(TAR_MD5, True), ("0" * 32, False)])
def test_a_whole_set_in_another_tar_fails(md5: str, fine: bool, root: Path) -> None:
    found = check(root)
    whole = replace(found, missing=None, tar_md5=md5)
    assert whole.fine == fine
    assert replace(whole, missing="a part").fine
    assert replace(whole, protocol="imagenet-sketch").fine


def icc_jpeg() -> bytes:
    return encoded(texture(300, 270), icc_profile=b"profile" * 20)


KINDS: dict[str, tuple[bytes, str, Facts]] = {
    "grey": (MADE["grey"](), "a.JPEG", Facts("jpeg", False, 1)),
    "CMYK": (MADE["CMYK"](), "a.JPEG", Facts("jpeg", False, 4)),
    "4:2:0": (MADE["4:2:0"](), "a.jpg", Facts("jpeg", False, 3, "4:2:0")),
    "4:2:2": (
        encoded(texture(300, 270), subsampling=1),
        "a.jpg",
        Facts("jpeg", False, 3, "4:2:2"),
    ),
    "4:4:4": (MADE["4:4:4"](), "a.jpg", Facts("jpeg", False, 3, "4:4:4")),
    "progressive": (
        MADE["progressive"](),
        "a.jpg",
        Facts("jpeg", False, 3, "4:2:0", progressive=True),
    ),
    "rotated": (
        MADE["exif 6"](),
        "a.jpg",
        Facts("jpeg", False, 3, "4:2:0", orientation=6),
    ),
    "upright": (
        MADE["exif 1"](),
        "a.jpg",
        Facts("jpeg", False, 3, "4:2:0", orientation=1),
    ),
    "profile": (icc_jpeg(), "a.jpg", Facts("jpeg", False, 3, "4:2:0", icc=True)),
    "PNG named JPEG": (MADE["PNG"](), "a.JPEG", Facts("png", True, 3)),
    "JPEG named PNG": (MADE["grey"](), "a.png", Facts("jpeg", True, 1)),
    "16 bit": (MADE["16-bit PNG"](), "a.png", Facts("png", False, 3, deep=True)),
    "nothing": (b"", "a.jpg", Facts("unknown", False)),
    "only a start": (b"\xff\xd8\xff", "a.jpg", Facts("jpeg", False)),
    "a length of zero": (b"\xff\xd8\xff\xe1\0\0" * 9, "a.jpg", Facts("jpeg", False)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_headers_tell_what_a_picture_is(kind: str) -> None:
    data, name, wanted = KINDS[kind]
    assert facts(data, name) == wanted


def test_cut_headers_never_crash_the_census() -> None:
    for kind in ("exif 6", "progressive", "CMYK", "16-bit PNG"):
        data = MADE[kind]()
        for size in range(0, 800):
            facts(data[:size], "a.jpg")


def test_the_census_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = ["grey", "CMYK", "exif 6", "PNG", "16-bit PNG", "progressive"]
    files = {official_name(n + 1): MADE[kind]() for n, kind in enumerate(kinds)}
    found = as_json(capsys, put(tmp_path / "val", files))
    assert found["fine"]
    assert found["census"] == {
        "formats": {"jpeg": 4, "png": 2},
        "misnamed": 2,
        "grey": 1,
        "cmyk": 1,
        "deep": 1,
        "progressive": 1,
        "icc": 0,
        "exif_rotated": 1,
        "orientations": {"6": 1},
        "subsampling": {"4:2:0": 2},
    }


def test_no_framework_is_imported(root: Path) -> None:
    code = (
        "import sys; from eval.cli import main; "
        f"main(['check', '--val-dir', {str(root)!r}]); "
        "print(sorted({'torch', 'paddle', 'pyarrow', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_workers_below_one_are_a_usage_error(root: Path) -> None:
    assert checked(root, "--workers", 0) == 2
