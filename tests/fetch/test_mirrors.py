"""Several sources: the next one where one fails, and one error where all do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ppim_port.errors import DigestError, FetchError
from ppim_port.fetch import Download
from ppim_port.fetch.lock import recorded
from tests.fetch.conftest import Get
from tests.fetch.server import BODY, OTHER_BODY, Answer, Server, sha256

Build = Callable[..., Download]


def test_next_source_is_asked_where_one_fails(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/good", Answer())
    got = get(source("/gone"), source("/good", name="mirror", filename="m.pth"))
    assert (got.source, got.path.name) == ("mirror", "m.pth")
    assert any("official failed: HTTP 404" in text for text in get.said)


def test_failure_of_all_names_each_source_address_and_reason(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/page", Answer(headers={"Content-Type": "text/html"}))
    both = source("/gone"), source("/page", name="mirror")
    with pytest.raises(FetchError) as caught:
        get(*both)
    text = str(caught.value)
    for essential in (
        f"official, {both[0].url}",
        "HTTP 404 Not Found",
        f"mirror, {both[1].url}",
        "opened a web page instead of the file",
        "No partial download was left",
        "Without a network",
        "pass it as  --by-hand FILE",
    ):
        assert essential in text
    assert not isinstance(caught.value, DigestError)


def test_source_with_a_promised_digest_is_asked_after_a_mismatch(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/bad", Answer(OTHER_BODY))
    server.serve("/good", Answer())
    digest = sha256(BODY)
    got = get(source("/bad", sha256=digest), source("/good", sha256=digest))
    assert got.path.read_bytes() == BODY
    assert any("sha256 differs" in text for text in get.said)


def test_mismatch_is_never_followed_by_trust_on_first_use(
    server: Server, get: Get, source: Build
) -> None:
    server.serve("/bad", Answer(OTHER_BODY))
    url = server.serve("/unknown", Answer())
    with pytest.raises(DigestError, match="not asked: its sha256 is unknown"):
        get(source("/bad", sha256=sha256(BODY)), source("/unknown", filename="u.pth"))
    assert recorded(url) is None
    assert [path for path, _ in server.asked] == ["/bad"]


def test_unreachable_server_is_tried_again_and_then_given_up(
    server: Server, get: Get, source: Build
) -> None:
    with pytest.raises(FetchError, match="the last of 4 tries"):
        get(source("http://127.0.0.1:9/file"))
    assert get.slept == [0.5, 1.0, 2.0]
