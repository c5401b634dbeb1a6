"""What a killed run left is removed, and what another is writing is not."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ppim_port import atomic
from ppim_port.atomic import STALE_AFTER_S, atomic_write
from tests.support.drafts import names, put, stale


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    stale(tmp_path / "a", STALE_AFTER_S + 60)
    put(tmp_path / "a", b"new")
    assert names(tmp_path) == ["a"]


def test_a_young_draft_is_left_alone(tmp_path: Path) -> None:
    draft = stale(tmp_path / "a", STALE_AFTER_S - 60)
    put(tmp_path / "a", b"new")
    assert draft.exists()


def test_a_draft_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a") as draft:
        os.utime(draft.path, (0, 0))
        put(tmp_path / "a", b"other", overwrite=True)
        assert draft.path.exists()
        (tmp_path / "a").unlink()


KILLED = """
import os, signal, sys
from pathlib import Path
from ppim_port.atomic import atomic_write
with atomic_write(Path(sys.argv[1]), overwrite=True) as draft:
    draft.file.write(b"half")
    draft.file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
WRITING = """
import sys
from pathlib import Path
from ppim_port.atomic import atomic_write
with atomic_write(Path(sys.argv[1]), overwrite=True) as draft:
    draft.file.write(b"theirs")
    draft.file.flush()
    print("writing", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.skipif(
    not Path("/proc/sys/kernel/random/boot_id").exists(),
    reason="this system does not number its starts, so age decides",
)
def test_what_a_run_that_was_killed_just_now_left_is_removed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "a"], check=False)
    (left,) = names(tmp_path)
    assert left.endswith(".tmp")
    put(tmp_path / "a", b"new")
    assert names(tmp_path) == ["a"]


def test_another_process_may_be_writing_the_same_name(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITING, tmp_path / "a"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"writing\n"
        put(tmp_path / "a", b"mine")
        assert len(names(tmp_path)) == 2
        other.communicate(b"\n", timeout=20)
    assert other.returncode == 0
    assert (tmp_path / "a").read_bytes() == b"theirs"
    assert names(tmp_path) == ["a"]


def test_a_draft_that_is_taken_for_litter_before_its_lock_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, robbed = atomic._lock, []

    def late(handle: int) -> str:
        if not robbed:
            robbed.extend(tmp_path.glob(".a.*"))
            robbed[0].unlink()
        return lock(handle)

    monkeypatch.setattr(atomic, "_lock", late)
    put(tmp_path / "a", b"new")
    assert len(robbed) == 1
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_without_locks_a_young_draft_is_left_alone_and_an_old_one_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuse(*_arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    young = tmp_path / f".a.{atomic._kernel()}00000000.tmp"
    young.write_bytes(b"another run's")
    stale(tmp_path / "a", STALE_AFTER_S + 60)
    put(tmp_path / "a", b"new")
    assert names(tmp_path) == [young.name, "a"]


def test_where_starts_are_not_numbered_no_young_draft_is_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(_path: Path) -> bytes:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_bytes", absent)
    drawn = {atomic._kernel.__wrapped__() for _ in range(3)}
    assert len(drawn) == 3


def test_other_files_drafts_are_left_alone(tmp_path: Path) -> None:
    draft = stale(tmp_path / "b", STALE_AFTER_S + 60)
    lookalike = tmp_path / ".a.notes.tmp"
    lookalike.touch()
    os.utime(lookalike, (0, 0))
    put(tmp_path / "a", b"new")
    assert draft.exists()
    assert lookalike.exists()
