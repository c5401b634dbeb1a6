"""Whether a server's answer is the file that was asked for, judged by its head alone.

Refused: web pages, compressed transfers (neither their length nor a resume point can
be checked), bodies over the limit, and bodies whose end cannot be told from a cut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from ppim_port.fetch.decide import Action
from ppim_port.fetch.outcome import Refused, Transient

Headers = Mapping[str, str]

WEB_PAGE = (
    "the link opened a web page instead of the file: it is dead, wants a login, or "
    "leads to a viewer"
)
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_PAGE_TYPES = ("text/html", "application/xhtml")
_PAGE_STARTS = (b"<!doctype", b"<html", b"<head", b"<?xml")
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Body:
    """The body that follows an accepted head.

    Attributes:
        offset: Where its first byte belongs in the file.
        length: Its bytes, None if the server did not say.
        total: Bytes of the whole file, None if the server did not say.
    """

    offset: int
    length: int | None
    total: int | None


def judge(
    status: int, headers: Headers, action: Action, *, max_bytes: int, promised: bool
) -> Body:
    """Accept an answer, or say why not.

    Args:
        status: HTTP status.
        headers: Response headers, looked up without regard to case.
        action: What was asked for.
        max_bytes: Largest file that is accepted.
        promised: Whether a digest is known that would catch a cut.

    Raises:
        Refused: The source is no use.
        Transient: Another try may succeed.
    """
    _check_status(status, headers)
    _check_kind(headers)
    body = _rest(headers, action) if status == HTTPStatus.PARTIAL_CONTENT else None
    body = body or _whole(headers, promised=promised)
    if body.total is not None and body.total > max_bytes:
        raise Refused(too_large(body.total, max_bytes))
    return body


def too_large(size: int, max_bytes: int) -> str:
    """The reason for refusing a file of at least `size` bytes."""
    return f"{size} bytes or more; at most {max_bytes} are accepted (max_bytes)"


def is_web_page(start: bytes) -> bool:
    """Whether a body's first bytes are those of HTML or XML."""
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGE_STARTS)


def _check_status(status: int, headers: Headers) -> None:
    if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        text = "HTTP 416: the partial download does not fit the server's file"
        raise Transient(text, wait=0.0, discard=True)
    reason = f"HTTP {status} {_phrase(status)}".rstrip()
    if status in _AGAIN:
        raise Transient(reason, wait=_retry_after(headers))
    raise Refused(reason)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _retry_after(headers: Headers) -> float | None:
    value = headers.get("Retry-After", "")
    return min(float(value), _LONGEST_WAIT_S) if _is_count(value) else None


def _check_kind(headers: Headers) -> None:
    kind = headers.get("Content-Type", "").strip().lower()
    if kind.startswith(_PAGE_TYPES):
        text = f"{WEB_PAGE} (Content-Type {kind}; expected a binary checkpoint)"
        raise Refused(text)
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        text = (
            f"the server sent it with Content-Encoding {encoding} although identity "
            f"was asked for; a compressed transfer cannot be checked or resumed"
        )
        raise Refused(text)


def _whole(headers: Headers, *, promised: bool) -> Body:
    length = headers.get("Content-Length", "")
    chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
    if _is_count(length) and not chunked:
        return Body(0, int(length), int(length))
    if not chunked and not promised:
        text = (
            "the server gives no length and no sha256 is known, so a cut could not be "
            "told from the end"
        )
        raise Refused(text)
    return Body(0, None, None)


def _rest(headers: Headers, action: Action) -> Body:
    value = headers.get("Content-Range", "")
    match = _RANGE.fullmatch(value.strip())
    if match is None or action.kind != "resume" or action.part is None:
        raise _wrong_range(value, action)
    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    beyond = total is not None and last >= total
    if first != action.offset or last < first or beyond:
        raise _wrong_range(value, action)
    known = action.part.total
    changed = None not in (known, total) and known != total
    etag = headers.get("ETag")
    if changed or (etag and action.part.etag and etag != action.part.etag):
        text = "the file on the server changed since the download was cut"
        raise Transient(text, wait=0.0, discard=True)
    return Body(first, last - first + 1, total if total is not None else known)


def _wrong_range(value: str, action: Action) -> Transient:
    text = (
        f"the server answered with Content-Range {value!r}; expected bytes "
        f"{action.offset}-; the partial download was dropped"
    )
    return Transient(text, wait=0.0, discard=True)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
