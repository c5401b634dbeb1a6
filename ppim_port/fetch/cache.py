"""Keeping house in the cache: list, verify, clear.

Only files that this package put there are listed or deleted: each has its origin
beside it. The folder may be one that the user pointed us to, with files of their own.
The lock file of first-seen digests is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ppim_port.fetch.converted import (
    converted_files,
    delete_converted,
    marked_digest,
)
from ppim_port.fetch.disk import digest_of, read_json
from ppim_port.fetch.lock import recorded
from ppim_port.fetch.places import Place, cache_dir, place_of

Kind: TypeAlias = Literal["download", "broken-off", "converted"]


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One file that was put into the cache.

    Attributes:
        path: The file.
        size: Its bytes on disk now.
        sha256: Digest recorded when it was put there; None for a broken-off download.
        source: Name of its source; None for a broken-off download or a port.
        url: Address of its source; None for a port.
        kind: A whole download, a broken-off one, or a port that `evaluate` made.
    """

    path: Path
    size: int
    sha256: str | None
    source: str | None
    url: str | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class CacheCheck:
    """What a look at an entry's bytes showed.

    Attributes:
        entry: The entry.
        found: sha256 of its bytes now; None if it was not computed.
        ok: Whether the bytes are the recorded ones.
        problem: What is wrong and what to do; empty if ok.
    """

    entry: CacheEntry
    found: str | None
    ok: bool
    problem: str


def cache_entries() -> list[CacheEntry]:
    """Everything that is in the cache, by path; broken-off downloads and ports too."""
    entries = [entry for place in _places() for entry in _entries_at(place)]
    entries += [_converted(path) for path in converted_files()]
    return sorted(entries, key=lambda entry: entry.path)


def _converted(path: Path) -> CacheEntry:
    size, digest = path.stat().st_size, marked_digest(path)
    return CacheEntry(path, size, digest, None, None, "converted")


def verify_cache() -> list[CacheCheck]:
    """Compare each whole file with its recorded digest and with the lock file's.

    Raises:
        FetchError: The lock file cannot be read.
    """
    return [_check(entry) for entry in cache_entries()]


def clear_cache() -> int:
    """Delete all that `cache_entries` lists; return the bytes freed.

    A file that another process is fetching right now stays.
    """
    freed = sum(_clear(place) for place in _places())
    for path in converted_files():
        freed += path.stat().st_size
        delete_converted(path)
    return freed


def _places() -> Iterator[Place]:
    folder = cache_dir()
    names = {path.name.removesuffix(".json") for path in folder.glob("*.json")}
    for name in sorted({name.removesuffix(".part") for name in names}):
        yield place_of(name)


def _entries_at(place: Place) -> Iterator[CacheEntry]:
    pairs: tuple[tuple[Path, Path, Kind], ...] = (
        (place.file, place.origin, "download"),
        (place.part, place.part_origin, "broken-off"),
    )
    for path, origin, kind in pairs:
        record = _origin(origin)
        if record is None or not path.is_file():
            continue
        yield CacheEntry(
            path=path,
            size=path.stat().st_size,
            sha256=record.get("sha256"),
            source=record.get("source"),
            url=record["url"],
            kind=kind,
        )


def _origin(path: Path) -> dict[str, Any] | None:
    """Our record at `path`; None for a JSON file of the user's own."""
    try:
        record = read_json(path)
    except (OSError, ValueError):
        return None
    ours = isinstance(record.get("url"), str) and {"sha256", "etag"} & record.keys()
    return record if ours else None


def _check(entry: CacheEntry) -> CacheCheck:
    if entry.sha256 is None:
        text = (
            "a port without a sound mark: the next run makes it anew"
            if entry.kind == "converted"
            else "broken-off download: the next run resumes it, or clear the cache"
        )
        return CacheCheck(entry, None, ok=False, problem=text)
    found = digest_of(entry.path)
    made = "made" if entry.kind == "converted" else "fetched"
    expected = {f"when it was {made}": entry.sha256}
    if entry.url is not None and (seen := recorded(entry.url)) is not None:
        expected["in the lock file"] = seen.sha256
    wrong = [f"{when} {value}" for when, value in expected.items() if value != found]
    if not wrong:
        return CacheCheck(entry, found, ok=True, problem="")
    text = (
        f"{entry.path}: sha256 differs. Expected ({'; '.join(wrong)}), got {found}. "
        f"Delete the file; the next run has it {made} again."
    )
    return CacheCheck(entry, found, ok=False, problem=text)


def _clear(place: Place) -> int:
    from filelock import FileLock, Timeout

    place.busy.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(place.busy, timeout=0):
            return _delete(place)
    except Timeout:
        return 0


def _delete(place: Place) -> int:
    freed = 0
    for entry in _entries_at(place):
        entry.path.unlink()
        freed += entry.size
    for origin in (place.origin, place.part_origin):
        if _origin(origin) is not None:
            origin.unlink()
    return freed
