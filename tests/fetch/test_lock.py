from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ppim_port.errors import FetchError
from ppim_port.fetch import Download
from ppim_port.fetch.lock import Seen, recorded, remember
from ppim_port.fetch.places import lock_path
from tests.fetch.conftest import Get
from tests.fetch.server import Answer, Server

SEEN = Seen("a" * 64, 3, "2026-01-01T00:00:00+00:00", "official")
OTHER = Seen("b" * 64, 4, "2026-01-02T00:00:00+00:00", "mirror")


def test_record_is_read_back() -> None:
    remember("https://a.org/x", SEEN)
    assert recorded("https://a.org/x") == SEEN
    assert recorded("https://a.org/y") is None


def test_first_record_holds() -> None:
    remember("https://a.org/x", SEEN)
    assert remember("https://a.org/x", OTHER) == SEEN
    assert recorded("https://a.org/x") == SEEN


def test_writers_at_the_same_time_lose_no_record() -> None:
    urls = [f"https://a.org/{number}" for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda url: remember(url, SEEN), urls))
    assert all(recorded(url) == SEEN for url in urls)


def test_record_can_be_read_by_a_person() -> None:
    remember("https://a.org/x", SEEN)
    entry = json.loads(lock_path().read_text())["first_seen"]["https://a.org/x"]
    assert entry["sha256"] == SEEN.sha256


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "{}",
        '{"schema": 2, "first_seen": {}}',
        '{"schema": 1}',
        '{"schema": 1, "first_seen": {"u": {"sha256": ""}}}',
        '{"schema": 1, "first_seen": {"u": {"sha256": "", "size": 1, "date": "",'
        ' "source": ""}}}',
    ],
)
def test_unreadable_lock_file_is_not_taken_for_an_empty_one(
    server: Server, get: Get, source: Callable[..., Download], text: str
) -> None:
    server.serve("/file", Answer())
    lock_path().parent.mkdir(parents=True)
    lock_path().write_text(text)
    with pytest.raises(FetchError, match="lock file cannot be read") as caught:
        get(source())
    assert str(lock_path()) in str(caught.value)
    assert "nothing was downloaded" in str(caught.value)
    assert lock_path().read_text() == text
    assert server.asked == []


def test_other_cache_that_was_first_holds(
    server: Server,
    get: Get,
    source: Callable[..., Download],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    url = server.serve("/file", Answer())
    monkeypatch.setattr(
        "ppim_port.fetch.source.promise_of", lambda download: None
    )  # as if the record came after we looked
    remember(url, SEEN)
    with pytest.raises(FetchError, match="holds from its first use"):
        get(source())
