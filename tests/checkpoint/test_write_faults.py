"""Whatever goes wrong while writing, the old file stays and nothing else is left."""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppim_port.checkpoint import Written, read, write
from ppim_port.errors import (
    CheckpointError,
    CorruptCheckpointError,
    OutputExistsError,
)

OLD = b"the old file"
KINDS = [("pdparams", "paddle"), ("pth", "torch"), ("safetensors", "torch")]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "net"
    path.write_bytes(OLD)
    return path


def overwrite(path: Path, kind: Any = "pth", framework: Any = "torch") -> Written:
    state = {"a": np.ones((3, 2), "f4"), "b": np.arange(3)}
    return write(state, path, kind=kind, framework=framework, overwrite=True)


def assert_untouched(target: Path) -> None:
    assert target.read_bytes() == OLD
    assert [p.name for p in target.parent.iterdir()] == [target.name]


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_args: Any, **_options: Any) -> Any:
        raise error

    return fail


def test_an_existing_file_is_not_overwritten_unasked(target: Path) -> None:
    state = {"a": np.ones(1)}
    with pytest.raises(OutputExistsError, match="exists already and is unchanged"):
        write(state, target, kind="pth", framework="torch")
    assert_untouched(target)


def test_overwriting_replaces_the_whole_file(target: Path) -> None:
    overwrite(target)
    assert list(read(target).state) == ["a", "b"]


@pytest.mark.parametrize(("kind", "framework"), KINDS)
@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()],
    ids=["full disk", "ctrl-c"],
)
def test_a_failure_while_writing_leaves_the_old_file(
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    framework: str,
    error: BaseException,
) -> None:
    name = f"write_{kind}"
    module = importlib.import_module(f"ppim_port.checkpoint.{name}")
    monkeypatch.setattr(module, name, failing(error))
    with pytest.raises((CheckpointError, KeyboardInterrupt)):
        overwrite(target, kind, framework)
    assert_untouched(target)


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_failing_system_call_leaves_the_old_file(
    target: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    error = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(os, function, failing(error))
    with pytest.raises(CheckpointError) as caught:
        overwrite(target)
    said = str(caught.value)
    assert str(target) in said
    assert "No space left on device" in said
    assert "unchanged" in said
    assert_untouched(target)


@pytest.mark.parametrize(("kind", "framework"), KINDS)
def test_a_flipped_bit_on_the_disk_is_found_before_the_rename(
    target: Path, monkeypatch: pytest.MonkeyPatch, kind: str, framework: str
) -> None:
    atomic = importlib.import_module("ppim_port.atomic")
    sync = atomic.Draft.sync

    def flip(draft: Any) -> None:
        sync(draft)
        raw = bytearray(draft.path.read_bytes())
        raw[raw.index(np.ones(3, "f4").tobytes()) + 2] ^= 1
        draft.path.write_bytes(raw)

    monkeypatch.setattr(atomic.Draft, "sync", flip)
    with pytest.raises(CorruptCheckpointError, match=r"its bits|fails its CRC"):
        overwrite(target, kind, framework)
    assert_untouched(target)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("b"),
        lambda state: state.update(a=state.pop("a")),
        lambda state: state.update(c=np.ones(1)),
        lambda state: state.update(b=np.arange(3, dtype="i4")),
        lambda state: state.update(b=np.arange(3).reshape(3, 1)),
        lambda state: state.update(b=np.array([0, 1, 3])),
    ],
    ids=["missing", "order", "stray", "dtype", "shape", "value"],
)
def test_a_writer_that_writes_something_else_is_found(
    target: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]
) -> None:
    module = importlib.import_module("ppim_port.checkpoint.write_pth")
    honest = module.write_pth

    def wrong(state: Any, file: Any) -> None:
        other = dict(state)
        change(other)
        honest(other, file)

    monkeypatch.setattr(module, "write_pth", wrong)
    with pytest.raises(CorruptCheckpointError, match="read back and found different"):
        overwrite(target)
    assert_untouched(target)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"folder .*absent does not exist"):
        overwrite(tmp_path / "absent" / "net")
    assert not (tmp_path / "absent").exists()


def test_a_folder_at_the_target_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="directory"):
        overwrite(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_a_clear_error(target: Path) -> None:
    target.parent.chmod(0o500)
    try:
        with pytest.raises(CheckpointError, match="Permission denied"):
            overwrite(target)
        assert_untouched(target)
    finally:
        target.parent.chmod(0o700)


def test_a_pth_over_four_gigabytes_is_refused(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("ppim_port.checkpoint.write_pth")
    monkeypatch.setattr(module, "_LIMIT", 20)
    with pytest.raises(CheckpointError, match="write safetensors instead"):
        overwrite(target)
    assert_untouched(target)
