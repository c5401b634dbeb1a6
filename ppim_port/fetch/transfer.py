"""From a server into the partial file: tries, resumes, limits.

Every try is bounded and every wait injectable. The partial file stays after a cut,
with what a resume must be checked against beside it, and goes when its bytes are of
no use. Loaded only when a download starts.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import requests

from ppim_port.errors import FetchError
from ppim_port.fetch.answer import WEB_PAGE, Body, is_web_page, judge, too_large
from ppim_port.fetch.decide import Part, decide, request_headers
from ppim_port.fetch.disk import CHUNK, digest_of, read_json, start_digest, write_json
from ppim_port.fetch.outcome import Refused, Transient
from ppim_port.fetch.places import Place
from ppim_port.fetch.progress import progress_bar
from ppim_port.fetch.records import Download, Policy
from ppim_port.fetch.urls import direct_url
from ppim_port.fetch.wire import answer_of, network_failures

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 8.0


@dataclass(frozen=True, slots=True)
class Job:
    """One source, where its bytes go, and under which limits.

    Attributes:
        session: Asks the server.
        download: The source.
        place: Its paths in the cache.
        promised: Whether a digest is known that would catch a cut.
        policy: The limits.
    """

    session: requests.Session
    download: Download
    place: Place
    promised: bool
    policy: Policy


@dataclass(frozen=True, slots=True)
class Received:
    """A whole, synced partial file.

    Attributes:
        sha256: Its digest.
        size: Its bytes.
        resumed: Whether some of it was on the disk before the last try.
    """

    sha256: str
    size: int
    resumed: bool


def receive(job: Job) -> Received:
    """Bring the whole file into `job.place.part`, in as many tries as are allowed.

    Raises:
        Refused: This source will not yield the file.
        FetchError: The disk has no room for it.
        OSError: The disk failed.
    """
    tries = job.policy.tries
    for number in range(1, tries + 1):
        try:
            return _try_once(job)
        except Transient as failure:
            if failure.discard:
                job.place.discard_part()
            if number == tries:
                text = f"{failure} (the last of {tries} tries)"
                raise Refused(text) from failure
            job.policy.sleep(_wait(failure, number))
    text = f"{tries} tries were allowed; expected 1 or more"
    raise Refused(text)


def _wait(failure: Transient, number: int) -> float:
    if failure.wait is not None:
        return failure.wait
    return min(_FIRST_WAIT_S * 2.0 ** (number - 1), _LONGEST_WAIT_S)


def read_part(place: Place) -> Part | None:
    """The broken-off download at `place`; None if its origin is unknown."""
    try:
        size = place.part.stat().st_size
        return Part(**(read_json(place.part_origin) | {"size": size}))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _try_once(job: Job) -> Received:
    action = decide(job.download.url, None, found=None, part=read_part(job.place))
    if action.kind == "finish":
        return Received(digest_of(job.place.part), action.offset, resumed=True)
    with answer_of(
        job.session,
        direct_url(job.download.url),
        headers=request_headers(action),
        timeout=job.policy.timeout,
        allow_http=job.policy.allow_http,
    ) as response:
        body = judge(
            response.status_code,
            response.headers,
            action,
            max_bytes=job.policy.max_bytes,
            promised=job.promised,
        )
        if body.offset == 0:
            _start_part(job, body, response)
        _check_room(job.place, body)
        return _copy(job, body, response)


def _start_part(job: Job, body: Body, response: requests.Response) -> None:
    """Drop older bytes and note what a resume of the new ones must agree with."""
    job.place.discard_part()
    part = Part(
        url=job.download.url,
        size=0,
        total=body.total,
        etag=response.headers.get("ETag"),
        last_modified=response.headers.get("Last-Modified"),
    )
    write_json(job.place.part_origin, asdict(part))


def _check_room(place: Place, body: Body) -> None:
    free = shutil.disk_usage(place.part.parent).free
    if body.length is not None and body.length > free:
        text = (
            f"{place.part}: {body.length} bytes are still to come and the disk has "
            f"{free} free. Nothing more was written; make room and run again."
        )
        raise FetchError(text)


def _copy(job: Job, body: Body, response: requests.Response) -> Received:
    place, policy = job.place, job.policy
    digest = start_digest(place.part if body.offset else None)
    size = body.offset
    chunks = response.iter_content(CHUNK)
    bar = progress_bar(
        job.download.filename, total=body.total, start=size, show=policy.progress
    )
    with place.part.open("ab") as file, bar as advance:
        while chunk := _next_chunk(chunks, policy.timeout, so_far=(size, body.total)):
            _check_chunk(chunk, size, place=place, max_bytes=policy.max_bytes)
            file.write(chunk)
            file.flush()  # so that a killed process leaves all that it received
            digest.update(chunk)
            size += len(chunk)
            advance(len(chunk))
        os.fsync(file.fileno())
    if body.total is not None and size < body.total:
        raise Transient(_cut("the connection was cut", (size, body.total)))
    return Received(digest.hexdigest(), size, resumed=body.offset > 0)


def _next_chunk(
    chunks: Iterator[bytes], timeout: float, *, so_far: tuple[int, int | None]
) -> bytes:
    try:
        with network_failures(timeout):
            return next(chunks, b"")
    except Transient as failure:
        raise Transient(_cut(str(failure), so_far)) from failure


def _cut(reason: str, so_far: tuple[int, int | None]) -> str:
    size, total = so_far
    return f"{reason}; {size} of {'?' if total is None else total} bytes arrived"


def _check_chunk(chunk: bytes, size: int, *, place: Place, max_bytes: int) -> None:
    if size == 0 and is_web_page(chunk[:512]):
        place.discard_part()
        text = f"{WEB_PAGE}; it begins {chunk[:40]!r}, expected a binary checkpoint"
        raise Refused(text)
    if size + len(chunk) > max_bytes:
        place.discard_part()
        raise Refused(too_large(size + len(chunk), max_bytes))
