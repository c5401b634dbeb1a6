"""Killed anywhere, or out of disk: the old file or the new one, and no litter."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from convert.provenance import provenance_path
from ppim_port.errors import CheckpointError, OutputError
from tests.convert.made import listing, save_official, unproven
from tests.support.states import made_state, rednet

ROOT = Path(__file__).parents[2]
POINTS = 6  # of each kind: 12 in all

pytestmark = pytest.mark.skipif(
    not Path("/proc/sys/kernel/random/boot_id").exists(),
    reason="litter of a killed run is known at once on Linux alone",
)


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another source, so that the old port and the new one differ."""
    path = tmp_path_factory.mktemp("older") / "other.pth"
    return save_official(path, made_state(rednet(), "official", seed=9))


def kills(official: Path, older: Path, folder: Path, points: int) -> list[Any]:
    words = [official, older, folder, points]
    done = subprocess.run(
        [sys.executable, "-m", "tests.convert.killing", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[Any] = json.loads(done.stdout)
    return results


@pytest.mark.parametrize("points", [POINTS, pytest.param(60, marks=pytest.mark.slow)])
def test_killed_at_any_point_the_old_or_the_new_file_is_there_whole(
    points: int, official: Path, older: Path, tmp_path: Path
) -> None:
    results = kills(official, older, tmp_path, points)
    assert len(results) == 2 * points
    for result in results:
        assert "broken" not in (result["file"], result["sidecar"])
        # A new file beside an old sidecar is the one gap; it must not go unseen.
        assert result["right"] is (result["file"] == result["sidecar"])
        assert (result["file"], result["sidecar"]) != ("old", "new")
        assert result["after"] == ["out.pdparams", "out.pdparams.provenance.json"]
        assert result["whole"]
    # The points are spread: before the name is given, after it, and with litter left.
    files = Counter(result["file"] for result in results)
    assert files["old"] > 1
    assert files["new"] > 1
    assert any(result["litter"] for result in results)


FDOPEN = os.fdopen


class Full:
    """Disks that are full after so many bytes, over all drafts together."""

    def __init__(self, room: int) -> None:
        self.room = room

    def fdopen(self, handle: int, mode: str) -> Any:
        return _File(handle, mode, self)


class _File:
    def __init__(self, handle: int, mode: str, disk: Full) -> None:
        self._file, self._disk = FDOPEN(handle, mode), disk

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._disk.room -= size
        if self._disk.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()


@pytest.fixture(params=["pdparams", "pth", "safetensors"])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.999])
def test_a_full_disk_leaves_the_old_file_and_names_the_new_one(
    kind: str,
    part: float,
    official: Path,
    older: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / f"net.{kind}"
    size = unproven(older, out, to=kind).written.size
    before = listing(tmp_path)
    monkeypatch.setattr(os, "fdopen", Full(int(size * part)).fdopen)
    with pytest.raises(CheckpointError) as caught:
        unproven(official, out, to=kind, force=True)
    text = str(caught.value)
    assert text.startswith(f"{out}: not written: No space left on device. ")
    assert "The file of that name is unchanged. The weights need about" in text
    assert listing(tmp_path) == before


@pytest.mark.parametrize("beyond", [0, 1000])
def test_a_disk_that_is_full_at_the_sidecar_says_which_file_is_complete(
    beyond: int, official: Path, older: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    out = tmp_path / "net.pdparams"
    size = unproven(older, out).written.size
    sidecar = provenance_path(out).read_bytes()
    monkeypatch.setattr(os, "fdopen", Full(size + beyond).fdopen)
    with pytest.raises(OutputError) as caught:
        unproven(official, out, force=True)
    text = str(caught.value)
    assert text.startswith(f"{provenance_path(out)}: cannot be written: No space left")
    assert f"{out} is complete; only this sidecar is not its own" in text
    assert provenance_path(out).read_bytes() == sidecar
    assert len(listing(tmp_path)) == 2


@pytest.fixture
def limit_files() -> Iterator[Callable[[int], None]]:
    """The kernel's own limit on a file's size: a real write that fails half-way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_the_kernel_refuses_leaves_the_old_file(
    kind: str,
    official: Path,
    older: Path,
    tmp_path: Path,
    limit_files: Callable[[int], None],
) -> None:
    out = tmp_path / f"net.{kind}"
    unproven(older, out, to=kind)
    before = listing(tmp_path)
    limit_files(20_000_000)
    with pytest.raises(CheckpointError, match="not written: File too large"):
        unproven(official, out, to=kind, force=True)
    assert listing(tmp_path) == before
