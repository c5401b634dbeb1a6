"""A file appears whole under its name, or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ppim_port import atomic
from ppim_port.atomic import STALE_AFTER_S, atomic_write
from ppim_port.errors import OutputExistsError


def put(path: Path, content: bytes, *, overwrite: bool = False) -> None:
    with atomic_write(path, overwrite=overwrite) as draft:
        draft.file.write(content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def stale(target: Path, age: float) -> Path:
    draft = target.with_name(f".{target.name}.{'a' * 16}.tmp")
    draft.write_bytes(b"left over")
    then = time.time() - age
    os.utime(draft, (then, then))
    return draft


def test_the_file_appears_under_its_name_alone(tmp_path: Path) -> None:
    put(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_nothing_is_seen_under_the_name_before_the_end(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a") as draft:
        draft.file.write(b"half")
        draft.file.flush()
        assert not (tmp_path / "a").exists()
        assert draft.path.parent == tmp_path


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def half() -> None:
        with atomic_write(tmp_path / "a") as draft:
            draft.file.write(b"half" * 1_000_000)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert names(tmp_path) == []


def test_an_error_keeps_the_old_file(tmp_path: Path) -> None:
    put(tmp_path / "a", b"old")
    with (
        pytest.raises(KeyboardInterrupt),
        atomic_write(tmp_path / "a", overwrite=True),
    ):
        raise KeyboardInterrupt
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_an_existing_file_is_refused_before_any_work(tmp_path: Path) -> None:
    put(tmp_path / "a", b"old")
    with (
        pytest.raises(OutputExistsError, match="nothing was written"),
        atomic_write(tmp_path / "a"),
    ):
        pytest.fail("the block must not run")
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize("no_links", [False, True])
def test_a_file_that_came_meanwhile_is_not_clobbered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_links: bool
) -> None:
    if no_links:
        forbid_links(monkeypatch)

    def race() -> None:
        with atomic_write(tmp_path / "a") as draft:
            draft.file.write(b"mine")
            (tmp_path / "a").write_bytes(b"theirs")

    with pytest.raises(OutputExistsError):
        race()
    assert (tmp_path / "a").read_bytes() == b"theirs"
    assert names(tmp_path) == ["a"]


def forbid_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_paths: object, **_options: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)


def test_file_systems_without_hard_links_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid_links(monkeypatch)
    put(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_of_many_writers_one_wins_whole(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    lost = []

    def run(number: int) -> None:
        start.wait()
        try:
            put(tmp_path / "a", bytes([number]) * 100_000)
        except OutputExistsError:
            lost.append(number)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = (tmp_path / "a").read_bytes()
    assert len(lost) == 7
    assert content == content[:1] * 100_000
    assert content[0] not in lost
    assert names(tmp_path) == ["a"]


def test_a_symbolic_link_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "a").symlink_to("real")
    put(tmp_path / "a", b"new", overwrite=True)
    assert not (tmp_path / "a").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"old"


def test_a_dangling_link_counts_as_existing(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("nowhere")
    with pytest.raises(OutputExistsError):
        put(tmp_path / "a", b"new")


def test_the_file_has_the_users_permissions(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        put(tmp_path / "a", b"new")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_folder_at_the_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        put(tmp_path / "a", b"new", overwrite=True)
    assert names(tmp_path) == ["a"]


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


def test_the_bytes_are_synced_before_the_name_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(handle: int) -> None:
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        order.append("fsync folder" if folder else "fsync file")
        fsync(handle)

    def noted_link(*paths: Path, **options: bool) -> None:
        order.append("link")
        link(*paths, **options)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    put(tmp_path / "a", b"new")
    assert order == ["fsync file", "link", "fsync folder"]
