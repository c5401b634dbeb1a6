"""What to do with what is on the disk, decided without touching disk or network.

A resume is only worth its risk where the server can be asked "still the same file?",
so a part without a strong ETag or a Last-Modified date is started anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["use-cache", "finish", "resume", "restart"]


@dataclass(frozen=True, slots=True)
class Part:
    """A broken-off download.

    Attributes:
        url: The address that its bytes came from.
        size: Bytes on disk.
        total: Bytes of the whole file, if the server said.
        etag: The server's ETag, if any.
        last_modified: The server's Last-Modified header, if any.
    """

    url: str
    size: int
    total: int | None
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True)
class Action:
    """The decision: what to do, and why.

    Attributes:
        kind: "use-cache"; "finish" (all bytes are here, verify them); "resume" at
            `offset`; "restart" at byte 0.
        why: A phrase for messages.
        offset: Bytes that are kept.
        part: What the answer to a resume must agree with.
    """

    kind: Kind
    why: str
    offset: int = 0
    part: Part | None = None


def decide(
    url: str, promised: str | None, *, found: str | None, part: Part | None
) -> Action:
    """Use the cached file, finish, resume or restart.

    Args:
        url: Address of the source.
        promised: Its sha256 according to manifest or lock file, if either has one.
        found: sha256 of the file in the cache, if there is one.
        part: A broken-off download of it, if there is one.
    """
    if promised is not None and found == promised:
        return Action("use-cache", "the cached file has the promised sha256")
    if part is None or part.size == 0:
        return Action("restart", "nothing was downloaded yet")
    if part.url != url:
        return Action("restart", "the partial download is another source's")
    if part.size == part.total:
        return Action("finish", "all bytes are here", offset=part.size, part=part)
    if part.total is not None and part.size > part.total:
        return Action("restart", "the partial download is longer than the file")
    if validator(part) is None:
        return Action("restart", "the server gave nothing to check a resume against")
    return Action("resume", "the rest is missing", offset=part.size, part=part)


def validator(part: Part) -> str | None:
    """The value for If-Range: a strong ETag, else the date, else None.

    A weak ETag may stay the same when bytes change (RFC 9110, 8.8.1).
    """
    if part.etag and not part.etag.startswith("W/"):
        return part.etag
    return part.last_modified


def request_headers(action: Action) -> dict[str, str]:
    """The headers that ask for the bytes that are still missing."""
    if action.kind != "resume" or action.part is None:
        return {}
    condition = validator(action.part)
    if condition is None:
        return {}
    return {"Range": f"bytes={action.offset}-", "If-Range": condition}
