from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ppim_port.errors import FetchError
from ppim_port.fetch import Download
from ppim_port.fetch.cache import cache_entries, clear_cache, verify_cache
from ppim_port.fetch.lock import recorded
from tests.fetch.conftest import Get
from tests.fetch.server import BODY, CUT, Answer, Server, sha256

Build = Callable[..., Download]


@pytest.fixture
def filled(server: Server, get: Get, source: Build, cache: Path) -> Path:
    """One whole file, one broken-off download, and two files of the user's own."""
    server.serve("/file", Answer())
    server.serve("/cut", Answer(cut_at=CUT), Answer(b"", status=404))
    get(source())
    with pytest.raises(FetchError):
        get(source("/cut", filename="cut.pth"))
    (cache / "thesis.json").write_text('{"url": "https://a.org"}')
    (cache / "thesis").write_text("mine")
    return cache


def test_empty_cache_has_no_entries() -> None:
    assert cache_entries() == []
    assert verify_cache() == []
    assert clear_cache() == 0


def test_entries_are_what_was_fetched_and_nothing_else(filled: Path) -> None:
    cut, whole = cache_entries()
    assert (whole.path, whole.size) == (filled / "net.pth", len(BODY))
    assert (whole.sha256, whole.source) == (sha256(BODY), "official")
    assert (cut.path, cut.sha256) == (filled / "cut.pth.part", None)


def test_verify_passes_whole_files_and_names_broken_off_ones(filled: Path) -> None:
    cut, whole = verify_cache()
    assert (whole.ok, whole.found, whole.problem) == (True, sha256(BODY), "")
    assert not cut.ok
    assert "broken-off download" in cut.problem


def test_verify_names_the_file_whose_bytes_changed(filled: Path) -> None:
    (filled / "net.pth").write_bytes(BODY[:-1])
    _, whole = verify_cache()
    assert not whole.ok
    for essential in (str(filled / "net.pth"), sha256(BODY), sha256(BODY[:-1])):
        assert essential in whole.problem
    assert "Delete the file" in whole.problem


def test_clear_frees_what_it_says_and_spares_the_users_files(filled: Path) -> None:
    expected = sum(entry.size for entry in cache_entries())
    assert clear_cache() == expected
    left = sorted(path.name for path in filled.iterdir() if path.is_file())
    assert left == ["thesis", "thesis.json"]


def test_clear_forgets_no_first_seen_digest(filled: Path, source: Build) -> None:
    clear_cache()
    assert recorded(source().url) is not None


def test_clear_spares_a_download_that_is_under_way(filled: Path) -> None:
    from filelock import FileLock

    with FileLock(filled / "lock" / "cut.pth.lock"):
        assert clear_cache() == len(BODY)
    assert (filled / "cut.pth.part").exists()
