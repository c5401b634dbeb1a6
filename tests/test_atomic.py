"""A file appears whole under its name, or not at all."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from ppim_port.atomic import atomic_write
from ppim_port.errors import OutputExistsError
from tests.support.drafts import names, put


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
