"""Pictures are decoded once, and never taken for other ones."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.decoded import Decoded
from eval.pipeline import evaluate
from eval.records import Request
from ppim_port.manifest import load_manifest
from ppim_port.recipe import Recipe, Transform, open_recipe
from tests.eval.made import DEMO, DEMO_COUNT, record

VERSIONS = {"opencv": "1.2"}
PICTURE = next(iter(sorted(DEMO.glob("*.jpg")))).read_bytes()


def recipe() -> Recipe:
    return open_recipe(record().recipe, load_manifest().recipes)


class Counting(Transform):
    """Counts the pictures that it decodes."""

    count = 0

    def to_uint8(self, image: object, *, name: str | None = None):  # type: ignore[no-untyped-def]
        self.count += 1
        return super().to_uint8(image, name=name)


def kept(
    folder: Path,
    of: Recipe | None = None,
    *,
    say: Callable[[str], None] = lambda text: None,
    versions: dict[str, str] | None = None,
) -> tuple[Counting, Decoded]:
    made = of or recipe()
    transform = Counting(made)
    chosen = versions or VERSIONS
    return transform, Decoded(transform, folder, made, versions=chosen, say=say)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_second_time_nothing_is_decoded_and_the_bits_are_the_same(
    tmp_path: Path,
) -> None:
    first, decoded = kept(tmp_path)
    expected = Transform(recipe()).to_uint8(PICTURE)
    assert np.array_equal(decoded.to_uint8(PICTURE), expected)
    second, again = kept(tmp_path)
    assert np.array_equal(again.to_uint8(PICTURE), expected)
    assert (first.count, second.count) == (1, 0)


@pytest.mark.parametrize("other", ["recipe", "version", "file"])
def test_anything_else_misses(other: str, tmp_path: Path) -> None:
    kept(tmp_path)[1].to_uint8(PICTURE)
    changed = recipe()
    versions = dict(VERSIONS)
    picture = PICTURE
    if other == "recipe":
        changed = replace(changed, resize_short_side=changed.resize_short_side + 1)
    elif other == "version":
        versions["opencv"] = "1.3"
    else:
        picture += b"\0"
    transform, decoded = kept(tmp_path, changed, versions=versions)
    decoded.to_uint8(picture)
    assert transform.count == 1
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "swap"])
def test_a_damaged_picture_is_decoded_anew_said_once_and_mended(
    damage: str, tmp_path: Path
) -> None:
    said: list[str] = []
    _, decoded = kept(tmp_path, say=said.append)
    expected = decoded.to_uint8(PICTURE)
    (path,) = files(tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[1000] ^= 1
    path.write_bytes(
        {"flip": data, "cut": data[:-5], "empty": b"", "swap": data[::-1]}[damage]
    )
    transform, again = kept(tmp_path, say=said.append)
    assert np.array_equal(again.to_uint8(PICTURE), expected)
    assert np.array_equal(again.to_uint8(PICTURE), expected)
    assert transform.count == 1
    assert len(said) == 1
    assert str(path) in said[0]


def test_a_full_disk_ends_the_keeping_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    said: list[str] = []
    transform, decoded = kept(tmp_path, say=said.append)
    for _ in range(3):
        decoded.to_uint8(PICTURE)
    assert transform.count == 3
    assert len(said) == 1
    assert "No space left" in said[0]
    assert files(tmp_path) == []


@pytest.mark.usefixtures("fake")
def test_a_second_run_decodes_nothing_and_its_ledger_is_the_same(
    demo: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(demo, decoded=tmp_path / "decoded")
    plain, first = evaluate(demo), evaluate(request)
    assert len(files(tmp_path / "decoded")) == DEMO_COUNT
    names = []
    decode = Transform.pixels

    def noting(self: Transform, image: object, name: str | None = None):  # type: ignore[no-untyped-def]
        names.append(name)
        return decode(self, image, name)

    monkeypatch.setattr(Transform, "pixels", noting)
    second = evaluate(request)
    assert names == ["the canary"]
    assert plain.rows == first.rows == second.rows
