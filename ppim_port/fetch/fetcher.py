"""`fetch`: the cache first, then one source after the other.

A wrong digest never lowers the bar: after one, only sources whose digest is known
already are asked, never one that would be trusted on first use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ppim_port.errors import DigestError, FetchError, UsageError
from ppim_port.fetch.installed import is_package
from ppim_port.fetch.outcome import Refused
from ppim_port.fetch.places import place_of
from ppim_port.fetch.records import Download, Fetched, Policy, Say
from ppim_port.fetch.trust import find_cached, not_installed, promise_of

MAX_BYTES = 2 * 1024**3
"""Largest file accepted. RedNet-152 with its optimiser would be about 0.3e9 bytes."""


def fetch(
    downloads: Sequence[Download],
    *,
    max_bytes: int = MAX_BYTES,
    progress: bool = True,
    say: Say | None = None,
    timeout: float = 30.0,
    tries: int = 4,
    allow_http: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    by_hand: str = "weights=PATH",
) -> Fetched:
    """A verified local file from the first source that yields one.

    Whatever of `downloads` is in the cache already comes first, whichever source it
    is from: give only sources that serve you equally.

    Args:
        downloads: Sources in order of preference.
        max_bytes: Largest file accepted, in bytes.
        progress: Show a bar on standard error if that is a terminal.
        say: Called with sentences for the user; None for silence.
        timeout: Seconds to wait for a connection, and for each next byte.
        tries: Tries for each source; a cut one is resumed by the next.
        allow_http: Also accept plain http to this very machine.
        sleep: Waits that many seconds between tries.
        by_hand: How the user passes a file that was got by hand, for messages.

    Raises:
        FetchError: No source yields the file, or the disk or lock file failed.
        DigestError: As above, and at least one source sent other bytes than promised.
        UsageError: There are no sources.
    """
    if not downloads:
        text = f"There are no sources to download from: pass  {by_hand}"
        raise UsageError(text)
    if (hit := find_cached(downloads)) is not None:
        return hit
    policy = Policy(max_bytes, timeout, tries, allow_http, progress, sleep, by_hand)
    return _first_that_works(downloads, policy, say or (lambda sentence: None))


def _first_that_works(
    downloads: Sequence[Download], policy: Policy, say: Say
) -> Fetched:
    from ppim_port.fetch.source import fetch_from

    reasons: list[tuple[Download, str]] = []
    digest_differed = False
    for download in downloads:
        try:
            if digest_differed and promise_of(download) is None:
                raise Refused(_NOT_AFTER_MISMATCH)
            if is_package(download.url):
                raise not_installed(download)
            return fetch_from(download, policy=policy, say=say)
        except DigestError as error:
            digest_differed = True
            reason = str(error)
        except Refused as error:
            reason = str(error)
        reasons.append((download, reason))
        say(f"{download.filename}: {download.name} failed: {reason}")
    error_type = DigestError if digest_differed else FetchError
    raise error_type(_summary(reasons, policy.by_hand))


_NOT_AFTER_MISMATCH = (
    "not asked: its sha256 is unknown, and another source just sent bytes that were "
    "not the promised ones"
)


def _summary(reasons: Sequence[tuple[Download, str]], by_hand: str) -> str:
    lines = [f"No source of {reasons[0][0].filename} could be downloaded."]
    for download, reason in reasons:
        lines.append(f"  {download.name}, {download.url}\n    {reason}")
    parts = [place_of(download.filename).part for download, _ in reasons]
    kept = sorted({str(part) for part in parts if part.exists()})
    lines.append(
        f"Kept, and resumed by the next run: {', '.join(kept)}."
        if kept
        else "No partial download was left."
    )
    lines.append(
        "Without a network: get the file from one of these addresses by hand, on any "
        f"machine, and pass it as  {by_hand}"
    )
    return "\n".join(lines)
