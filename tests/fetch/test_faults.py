"""Servers and lines that fail: resumed, tried again, or refused in words."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from ppim_port.errors import DigestError, FetchError
from ppim_port.fetch import Download
from ppim_port.fetch.lock import recorded
from tests.fetch.conftest import Get
from tests.fetch.server import BODY, CUT, OTHER_BODY, Answer, Server, sha256

Build = Callable[..., Download]
HALF = Answer(cut_at=CUT)


def test_cut_download_is_resumed(server: Server, get: Get, source: Build) -> None:
    server.serve("/file", HALF, Answer())
    assert get(source()).path.read_bytes() == BODY
    first, second = server.ranges_asked()
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= CUT


def test_cut_after_cut_is_resumed_and_waits_grow(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/file", HALF, Answer(cut_at=70_000), Answer(cut_at=0), Answer())
    assert get(source()).path.read_bytes() == BODY
    assert get.slept == [0.5, 1.0, 2.0]


def test_endless_cuts_end_in_an_error_and_keep_the_part(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    server.serve("/file", Answer(etag=None, modified="a day", cut_at=100_000))
    with pytest.raises(FetchError, match=r"of 300000 bytes arrived.*4 tries"):
        get(source(), max_bytes=300_000)
    assert len(server.asked) == 4
    assert not (cache / "net.pth").exists()
    assert (cache / "net.pth.part").exists()


def test_next_run_resumes_what_the_last_one_left(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    server.serve("/file", HALF, Answer(b"", status=404), Answer())
    with pytest.raises(FetchError, match=r"Kept, and resumed.*net\.pth\.part"):
        get(source())
    kept = (cache / "net.pth.part").stat().st_size
    assert get(source()).path.read_bytes() == BODY
    assert server.ranges_asked()[-1] == f"bytes={kept}-"


def test_part_with_all_its_bytes_is_verified_without_network(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    server.serve("/file", HALF, Answer(b"", status=404))
    with pytest.raises(FetchError):
        get(source())
    (cache / "net.pth.part").write_bytes(BODY)
    assert get(source(sha256=sha256(BODY))).path.read_bytes() == BODY
    assert len(server.asked) == 2


def test_server_that_ignores_ranges_is_read_from_the_start(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/file", HALF, Answer(ranges=False))
    assert get(source()).path.read_bytes() == BODY


def test_lie_about_the_range_is_not_appended(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/file", HALF, Answer(content_range="bytes 7-299999/300000"), Answer())
    assert get(source()).path.read_bytes() == BODY
    assert server.ranges_asked()[2] is None


def test_file_that_changed_between_tries_is_not_spliced(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/file", HALF, Answer(OTHER_BODY, etag='"v2"'))
    assert get(source()).path.read_bytes() == OTHER_BODY


def test_server_without_validators_is_not_resumed(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/file", Answer(etag=None, cut_at=CUT), Answer(etag=None))
    assert get(source()).path.read_bytes() == BODY
    assert server.ranges_asked() == [None, None]


def test_date_alone_is_enough_to_resume(
    server: Server, get: Get, source: Build
) -> None:
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    whole = Answer(etag=None, modified=date)
    server.serve("/file", Answer(etag=None, modified=date, cut_at=CUT), whole)
    assert get(source()).path.read_bytes() == BODY
    assert server.asked[1][1]["If-Range"] == date


def test_damaged_part_is_fetched_anew_before_anybody_is_accused(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    server.serve("/file", HALF, Answer(b"", status=404), Answer())
    with pytest.raises(FetchError):
        get(source(sha256=sha256(BODY)))
    part = cache / "net.pth.part"
    part.write_bytes(bytes(part.stat().st_size))
    assert get(source(sha256=sha256(BODY))).path.read_bytes() == BODY
    assert any("resumed download is damaged" in text for text in get.said)


def test_swapped_bytes_are_refused(server: Server, get: Get, source: Build) -> None:
    swapped = BODY[1:2] + BODY[0:1] + BODY[2:]
    server.serve("/file", Answer(swapped))
    with pytest.raises(DigestError, match=sha256(swapped)):
        get(source(sha256=sha256(BODY)))


def test_length_that_promises_too_much_never_makes_a_file(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    server.serve("/file", Answer(length=300_001, ranges=False))
    with pytest.raises(FetchError, match="300001 bytes arrived"):
        get(source())
    assert not (cache / "net.pth").exists()
    assert recorded(source().url) is None


def test_length_that_promises_too_little_is_caught_by_the_digest(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    server.serve("/file", Answer(length=299_999))
    with pytest.raises(DigestError):
        get(source(sha256=sha256(BODY)))
    assert not (cache / "net.pth").exists()


def test_body_without_length_is_refused_on_first_use(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/file", Answer(no_length=True))
    with pytest.raises(FetchError, match="a cut could not be told from the end"):
        get(source())
    assert get(source(sha256=sha256(BODY))).path.read_bytes() == BODY


def test_silent_server_is_given_up_in_bounded_time(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/file", Answer(stall_at=100_000))
    with pytest.raises(FetchError, match=r"no bytes for 0\.2 s; \d+ of 300000 bytes"):
        get(source(), timeout=0.2)


def test_stalled_download_is_resumed(server: Server, get: Get, source: Build) -> None:
    server.serve("/file", Answer(stall_at=CUT), Answer())
    assert get(source(), timeout=0.2).path.read_bytes() == BODY
    assert server.ranges_asked()[1] is not None


def test_missing_file_is_not_asked_for_again(
    server: Server, get: Get, source: Build
) -> None:
    with pytest.raises(FetchError, match="HTTP 404 Not Found"):
        get(source())
    assert len(server.asked) == 1


def test_passing_server_error_is_waited_out(
    server: Server, get: Get, source: Build
) -> None:
    busy = Answer(b"", status=429, headers={"Retry-After": "3"})
    server.serve("/file", Answer(b"", status=500), busy, Answer())
    assert get(source()).path.read_bytes() == BODY
    assert get.slept == [0.5, 3.0]


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream"])
def test_web_page_is_refused_whatever_it_calls_itself(
    server: Server, get: Get, source: Build, cache: Path, kind: str
) -> None:
    page = b"\n<!DOCTYPE html><html>Sign in to your account</html>"
    server.serve("/file", Answer(page, headers={"Content-Type": kind}))
    with pytest.raises(FetchError, match="opened a web page instead of the file"):
        get(source())
    assert not list(cache.glob("net.pth*"))


def test_file_over_the_limit_is_refused(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    server.serve("/file", Answer())
    with pytest.raises(FetchError, match="300000 bytes or more; at most 299999"):
        get(source(), max_bytes=299_999)
    assert not list(cache.glob("net.pth*"))


def test_endless_body_is_stopped_at_the_limit(
    server: Server, get: Get, source: Build, cache: Path
) -> None:
    server.serve("/file", Answer(no_length=True))
    with pytest.raises(FetchError, match="at most 100000 are accepted"):
        get(source(sha256=sha256(BODY)), max_bytes=100_000)
    assert not list(cache.glob("net.pth*"))


def test_compressed_transfer_is_refused(
    server: Server, get: Get, source: Build
) -> None:
    packed = gzip.compress(BODY)
    server.serve("/file", Answer(packed, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(FetchError, match="Content-Encoding gzip"):
        get(source())


def test_redirect_to_plain_http_elsewhere_is_not_followed(
    server: Server, get: Get, source: Build
) -> None:
    away = {"Location": "http://example.invalid/net.pth?token=secret"}
    server.serve("/file", Answer(b"", status=302, headers=away))
    with pytest.raises(FetchError, match=r"refused.*not https") as caught:
        get(source())
    assert "secret" not in str(caught.value)


def test_redirects_in_a_circle_end(server: Server, get: Get, source: Build) -> None:
    server.serve("/file", Answer(b"", status=302, headers={"Location": "/file"}))
    with pytest.raises(FetchError, match="more than 10 redirects"):
        get(source())
