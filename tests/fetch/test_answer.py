from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppim_port.fetch.answer import Body, is_web_page, judge
from ppim_port.fetch.decide import Action, Part
from ppim_port.fetch.outcome import Refused, SourceFailure, Transient

PART = Part("https://a.org/x", size=10, total=30, etag='"v1"', last_modified=None)
RESUME = Action("resume", "", offset=10, part=PART)
RESTART = Action("restart", "")


def ask(
    status: int,
    headers: dict[str, str],
    action: Action = RESTART,
    *,
    promised: bool = False,
) -> Body:
    return judge(status, headers, action, max_bytes=100, promised=promised)


def test_whole_body_is_accepted() -> None:
    assert ask(200, {"Content-Length": "30"}) == Body(0, 30, 30)


def test_whole_answer_to_a_resume_starts_again_at_byte_0() -> None:
    assert ask(200, {"Content-Length": "30"}, RESUME) == Body(0, 30, 30)


def test_right_range_is_appended() -> None:
    headers = {"Content-Range": "bytes 10-29/30", "ETag": '"v1"'}
    assert ask(206, headers, RESUME) == Body(10, 20, 30)


def test_range_of_unknown_total_keeps_the_known_total() -> None:
    assert ask(206, {"Content-Range": "bytes 10-19/*"}, RESUME) == Body(10, 10, 30)


@pytest.mark.parametrize(
    "value",
    ["", "bytes 0-29/30", "bytes 11-29/30", "bytes 10-9/30", "bytes 10-30/30", "10-29"],
)
def test_wrong_content_range_drops_the_part(value: str) -> None:
    with pytest.raises(Transient, match="expected bytes 10-") as caught:
        ask(206, {"Content-Range": value}, RESUME)
    assert caught.value.discard


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": "bytes 10-29/30", "ETag": '"v2"'},
        {"Content-Range": "bytes 10-30/31", "ETag": '"v1"'},
    ],
)
def test_range_of_a_changed_file_drops_the_part(headers: dict[str, str]) -> None:
    with pytest.raises(Transient, match="file on the server changed") as caught:
        ask(206, headers, RESUME)
    assert caught.value.discard


def test_range_that_was_not_asked_for_is_not_written() -> None:
    with pytest.raises(Transient, match="Content-Range"):
        ask(206, {"Content-Range": "bytes 0-29/30"}, RESTART)


def test_unsatisfiable_range_drops_the_part() -> None:
    with pytest.raises(Transient, match="HTTP 416") as caught:
        ask(416, {}, RESUME)
    assert caught.value.discard


@pytest.mark.parametrize("status", [204, 301, 400, 401, 403, 404, 410, 501, 799])
def test_final_status_is_not_tried_again(status: int) -> None:
    with pytest.raises(Refused, match=f"HTTP {status}"):
        ask(status, {})


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_passing_status_is_tried_again_and_keeps_the_part(status: int) -> None:
    with pytest.raises(Transient, match=f"HTTP {status}") as caught:
        ask(status, {}, RESUME)
    assert not caught.value.discard


@pytest.mark.parametrize(
    ("value", "wait"), [("7", 7.0), ("9999", 60.0), ("soon", None), ("-1", None)]
)
def test_retry_after_is_honoured_within_reason(value: str, wait: float | None) -> None:
    with pytest.raises(Transient) as caught:
        ask(503, {"Retry-After": value})
    assert caught.value.wait == wait


@pytest.mark.parametrize("kind", ["text/html", "Text/HTML; charset=utf-8"])
def test_web_page_is_refused_in_plain_words(kind: str) -> None:
    with pytest.raises(Refused, match="opened a web page instead of the file"):
        ask(200, {"Content-Type": kind, "Content-Length": "5"})


def test_compressed_transfer_is_refused() -> None:
    with pytest.raises(Refused, match="Content-Encoding gzip"):
        ask(200, {"Content-Encoding": "gzip", "Content-Length": "5"})


def test_file_over_the_limit_is_refused_before_its_first_byte() -> None:
    with pytest.raises(Refused, match=r"101 bytes or more; at most 100 .*max_bytes"):
        ask(200, {"Content-Length": "101"})


def test_body_without_length_needs_a_promised_digest() -> None:
    assert ask(200, {}, promised=True) == Body(0, None, None)
    with pytest.raises(Refused, match="a cut could not be told from the end"):
        ask(200, {}, promised=False)


def test_chunked_body_carries_its_own_end() -> None:
    assert ask(200, {"Transfer-Encoding": "chunked"}) == Body(0, None, None)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"<!DOCTYPE html>", True),
        (b"\xef\xbb\xbf \r\n<html lang=en>", True),
        (b"<?xml version='1.0'?><Error/>", True),
        (b"PK\x03\x04", False),
        (b"\x80\x04\x95", False),
        (b"<\x00\x00\x00\x00\x00\x00\x00{", False),  # safetensors, 60 bytes of header
        (b"", False),
    ],
)
def test_web_page_is_known_by_its_first_bytes(start: bytes, expected: bool) -> None:
    assert is_web_page(start) is expected


NUMBERS = st.integers(0, 40).map(str) | st.just("*")
HEADS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Length": NUMBERS | st.sampled_from(["", "-1", "1e3", "\u0663"]),
        "Content-Range": st.tuples(NUMBERS, NUMBERS, NUMBERS).map(
            lambda n: f"bytes {n[0]}-{n[1]}/{n[2]}"
        ),
        "ETag": st.sampled_from(['"v1"', '"v2"']),
        "Retry-After": NUMBERS,
    },
)


@given(st.sampled_from([200, 206, 404, 416, 503]), HEADS)
def test_no_head_gets_past_but_the_right_offset(
    status: int, headers: dict[str, str]
) -> None:
    try:
        body = ask(status, headers, RESUME, promised=True)
    except SourceFailure:
        return
    assert body.offset == (10 if status == 206 else 0)
    assert status == 200 or body.total == 30
