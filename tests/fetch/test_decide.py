from __future__ import annotations

from dataclasses import replace

import pytest

from ppim_port.fetch.decide import Part, decide, request_headers, validator

URL = "https://a.org/net.pth"
PART = Part(url=URL, size=10, total=30, etag='"v1"', last_modified=None)
DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


def test_cached_file_with_the_promised_digest_is_used() -> None:
    assert decide(URL, "aa", found="aa", part=PART).kind == "use-cache"


@pytest.mark.parametrize(("promised", "found"), [("aa", "bb"), (None, "bb")])
def test_cached_file_that_nothing_vouches_for_is_not_used(
    promised: str | None, found: str
) -> None:
    assert decide(URL, promised, found=found, part=None).kind == "restart"


def test_no_digest_and_no_file_do_not_match_each_other() -> None:
    assert decide(URL, None, found=None, part=None).kind == "restart"


def test_broken_off_download_is_resumed_after_its_last_byte() -> None:
    action = decide(URL, None, found=None, part=PART)
    assert (action.kind, action.offset) == ("resume", 10)
    assert request_headers(action) == {"Range": "bytes=10-", "If-Range": '"v1"'}


def test_part_with_all_bytes_needs_no_network() -> None:
    part = replace(PART, size=30)
    assert decide(URL, None, found=None, part=part).kind == "finish"


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (replace(PART, url="https://b.org/net.pth"), "another source's"),
        (replace(PART, size=31), "longer than the file"),
        (replace(PART, size=0), "nothing was downloaded"),
        (replace(PART, etag=None), "nothing to check a resume against"),
        (replace(PART, etag='W/"v1"'), "nothing to check a resume against"),
    ],
)
def test_part_that_cannot_be_trusted_is_started_anew(part: Part, why: str) -> None:
    action = decide(URL, None, found=None, part=part)
    assert (action.kind, action.offset) == ("restart", 0)
    assert why in action.why
    assert request_headers(action) == {}


def test_date_serves_where_the_etag_is_weak() -> None:
    assert validator(replace(PART, etag='W/"v1"', last_modified=DATE)) == DATE


def test_strong_etag_is_preferred_to_the_date() -> None:
    assert validator(replace(PART, last_modified=DATE)) == '"v1"'
