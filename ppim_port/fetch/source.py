"""One source: wait for its turn, receive, verify, put into place.

A digest that differs after a resume may be the old bytes' fault, so the file is
fetched once more from byte 0 before anybody is accused. Loaded only when a download
starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from ppim_port.errors import FetchError
from ppim_port.fetch.disk import move_into_place, write_json
from ppim_port.fetch.lock import Seen, now, remember
from ppim_port.fetch.places import Place, lock_path, place_of
from ppim_port.fetch.records import Download, Fetched, Policy, Say, Trust
from ppim_port.fetch.transfer import Job, Received, receive
from ppim_port.fetch.trust import Promise, find_cached, mismatch, promise_of
from ppim_port.fetch.wire import new_session


def fetch_from(download: Download, *, policy: Policy, say: Say) -> Fetched:
    """The file of this one source, downloaded unless another process just did.

    Raises:
        Refused: The source does not yield it.
        DigestError: It yields something else than was promised.
        FetchError: The disk or the lock file failed.
    """
    place = place_of(download.filename)
    try:
        with _turn(place, say):
            return find_cached([download]) or _download(download, place, policy, say)
    except OSError as error:
        kept = place.part.stat().st_size if place.part.exists() else 0
        text = (
            f"{download.filename}: the disk failed ({error}). Nothing was written "
            f"under {place.file}; {kept} bytes are kept in {place.part} and resumed "
            f"by the next run once the cause is mended."
        )
        raise FetchError(text) from error


@contextmanager
def _turn(place: Place, say: Say) -> Iterator[None]:
    place.busy.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place.busy)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{place.file.name}: waiting for another process that is fetching it")
        lock.acquire(poll_interval=0.1)
    try:
        yield
    finally:
        lock.release()


def _download(download: Download, place: Place, policy: Policy, say: Say) -> Fetched:
    promise = promise_of(download)
    _check_old(place, promise, say, policy.by_hand)
    say(f"{download.filename}: downloading from {download.name}, {download.url}")
    with new_session() as session:
        job = Job(session, download, place, promise is not None, policy)
        received = receive(job)
        if promise and received.resumed and received.sha256 != promise.sha256:
            say(f"{download.filename}: the resumed download is damaged; once more")
            place.discard_part()
            received = receive(job)
    trust = _vouch(
        download, received, promise=promise, place=place, by_hand=policy.by_hand
    )
    if trust == "first-use":
        say(_first_use(download, received))
    return _install(download, received, place=place, trust=trust)


def _check_old(place: Place, promise: Promise | None, say: Say, by_hand: str) -> None:
    """Refuse to overwrite a file that this package did not put there."""
    if not place.file.exists():
        return
    if not place.origin.exists():
        text = (
            f"{place.file} exists, was not put there by this program and is not known "
            f"to be the file that was asked for. It was left as it is. To use it pass "
            f"it as  {by_hand} ; to download, move it away."
        )
        raise FetchError(text)
    expected = f"the promised sha256 {promise.sha256}" if promise else "a known sha256"
    say(f"{place.file}: the cached file does not have {expected}; fetching it again")


def _vouch(
    download: Download,
    received: Received,
    *,
    promise: Promise | None,
    place: Place,
    by_hand: str,
) -> Trust:
    """Who stands for these bytes; records them if nobody did before."""
    if promise is None:
        ours = Seen(received.sha256, received.size, now(), download.name)
        held = remember(download.url, ours)
        if held is ours:
            return "first-use"
        # Another process, with another cache, was first: its record holds.
        promise = Promise(held.sha256, "lock")
    if received.sha256 != promise.sha256:
        place.discard_part()
        raise mismatch(download, promise, received.sha256, by_hand=by_hand)
    return promise.by


def _install(
    download: Download, received: Received, *, place: Place, trust: Trust
) -> Fetched:
    origin = {
        "source": download.name,
        "url": download.url,
        "sha256": received.sha256,
        "size": received.size,
        "date": now(),
    }
    write_json(place.origin, origin)
    move_into_place(place.part, place.file)
    place.discard_part()
    return Fetched(
        path=place.file,
        sha256=received.sha256,
        source=download.name,
        url=download.url,
        trust=trust,
        from_cache=False,
    )


def _first_use(download: Download, received: Received) -> str:
    return (
        f"{download.filename}: nobody publishes its sha256, so nothing vouches for "
        f"this first copy. {received.sha256} was recorded in {lock_path()} and every "
        f"later download from {download.url} is checked against it."
    )
