"""The way to a verified file when servers behave, and who vouches for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ppim_port.errors import DigestError, FetchError, UsageError
from ppim_port.fetch import Download, cache_dir, cached, fetch
from ppim_port.fetch.lock import recorded
from ppim_port.fetch.places import lock_path
from tests.fetch.conftest import Get
from tests.fetch.server import BODY, OTHER_BODY, Answer, Server, sha256

Build = Callable[..., Download]


def test_cache_moves_with_its_variable(cache: Path) -> None:
    assert cache_dir() == cache
    assert lock_path() == cache / "lock" / "digests.json"


def test_cache_and_lock_file_are_the_users_without_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PPIM_PORT_CACHE", "")
    assert cache_dir().name == "ppim_port"
    assert cache_dir() not in lock_path().parents


def test_promised_file_arrives_verified(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    server.serve("/file", Answer())
    got = get(source(sha256=sha256(BODY)))
    assert got.path == cache / "net.pth"
    assert got.path.read_bytes() == BODY
    assert (got.trust, got.from_cache, got.source) == ("manifest", False, "official")
    assert got.sha256 == sha256(BODY)


def test_nothing_but_the_file_and_its_origin_is_left(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    server.serve("/file", Answer())
    get(source())
    left = sorted(path.name for path in cache.iterdir() if path.is_file())
    assert left == ["net.pth", "net.pth.json"]


def test_second_call_asks_no_network(server: Server, get: Get, source: Build) -> None:
    server.serve("/file", Answer())
    get(source())
    got = get(source())
    assert (got.from_cache, got.trust) == (True, "lock")
    assert len(server.asked) == 1


def test_first_use_is_recorded_and_said(
    server: Server, get: Get, source: Build
) -> None:
    url = server.serve("/file", Answer())
    assert get(source()).trust == "first-use"
    seen = recorded(url)
    assert seen is not None
    assert (seen.sha256, seen.size, seen.source) == (sha256(BODY), 300_000, "official")
    (said,) = [text for text in get.said if "nobody publishes" in text]
    assert sha256(BODY) in said
    assert str(lock_path()) in said


def test_promised_digest_is_not_recorded_as_first_seen(
    server: Server, get: Get, source: Build
) -> None:
    url = server.serve("/file", Answer())
    get(source(sha256=sha256(BODY)))
    assert recorded(url) is None


def test_later_download_is_held_against_the_first(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    url = server.serve("/file", Answer(), Answer(OTHER_BODY, etag='"v2"'))
    get(source()).path.unlink()
    with pytest.raises(DigestError) as caught:
        get(source())
    text = str(caught.value)
    for essential in (
        "net.pth",
        url,
        sha256(BODY),
        sha256(OTHER_BODY),
        "The download was deleted",
        f"delete the entry {url!r} from {lock_path()}",
    ):
        assert essential in text
    assert not list(cache.glob("net.pth*.part"))
    assert not (cache / "net.pth").exists()


def test_bytes_that_the_manifest_does_not_promise_are_refused(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    server.serve("/file", Answer(OTHER_BODY))
    with pytest.raises(DigestError, match="the manifest promises"):
        get(source(sha256=sha256(BODY)))
    assert not (cache / "net.pth").exists()


def test_manifest_wins_over_the_lock_file(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/file", Answer(), Answer(OTHER_BODY))
    get(source())
    got = get(source(sha256=sha256(OTHER_BODY)))
    assert (got.trust, got.path.read_bytes()) == ("manifest", OTHER_BODY)


def test_flipped_bit_in_the_cache_is_noticed_and_mended(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/file", Answer())
    path = get(source()).path
    path.write_bytes(BODY[:-1] + bytes([BODY[-1] ^ 1]))
    assert cached([source()]) is None
    assert get(source()).path.read_bytes() == BODY
    assert any("fetching it again" in text for text in get.said)


def test_cached_asks_no_network(server: Server, get: Get, source: Build) -> None:
    server.serve("/file", Answer())
    assert cached([source()]) is None
    path = get(source()).path
    assert cached([source("/absent", filename="other.pth"), source()]) == path
    assert len(server.asked) == 1


def test_users_own_file_of_that_name_is_not_overwritten(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    server.serve("/file", Answer())
    cache.mkdir()
    (cache / "net.pth").write_bytes(b"mine")
    with pytest.raises(FetchError, match=r"left as it is.*--by-hand FILE"):
        get(source())
    assert (cache / "net.pth").read_bytes() == b"mine"


def test_users_own_file_with_the_promised_digest_is_used(
    get: Get, source: Build, cache: Path
) -> None:
    cache.mkdir()
    (cache / "net.pth").write_bytes(BODY)
    assert get(source(sha256=sha256(BODY))).from_cache


def test_share_links_bytes_are_found_behind_redirects_and_cookies(
    server: Server, get: Get, source: Build
) -> None:
    hop = {"Location": "/bytes?tempauth=1", "Set-Cookie": "FedAuth=yes"}
    server.serve("/file", Answer(b"", status=302, headers=hop))
    server.serve("/bytes?tempauth=1", Answer())
    got = get(source())
    assert got.path.read_bytes() == BODY
    assert got.url == source().url
    assert server.asked[1][1]["Cookie"] == "FedAuth=yes"


def test_share_link_is_asked_in_the_form_that_yields_bytes(
    server: Server, get: Get, source: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve("/direct", Answer())
    direct = source("/direct").url
    monkeypatch.setattr("ppim_port.fetch.transfer.direct_url", lambda url: direct)
    got = get(source("/viewer"))
    assert [path for path, _ in server.asked] == ["/direct"]
    assert got.url == source("/viewer").url


def test_bytes_are_asked_for_as_they_are_stored(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/file", Answer())
    get(source())
    assert server.asked[0][1]["Accept-Encoding"] == "identity"


def test_plain_http_is_refused_unless_asked_for(server: Server, source: Build) -> None:
    server.serve("/file", Answer())
    with pytest.raises(FetchError, match="is not https"):
        fetch([source()], progress=False)
    assert server.asked == []


def test_no_sources_is_the_callers_mistake() -> None:
    with pytest.raises(UsageError, match=r"no sources.*weights=PATH"):
        fetch([])
