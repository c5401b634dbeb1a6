"""The user's lock file: which digest each address had when it was first seen.

One JSON object by address. A lock file that cannot be read stops everything, because
to go on as if it were empty would trust whatever a server sends today.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ppim_port.errors import FetchError
from ppim_port.fetch.disk import read_json, write_json
from ppim_port.fetch.places import lock_path

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen at an address the first time.

    Attributes:
        sha256: Digest of the file.
        size: Its bytes.
        date: When, ISO 8601, UTC.
        source: The source's name.
    """

    sha256: str
    size: int
    date: str
    source: str


def now() -> str:
    """This moment, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def recorded(url: str) -> Seen | None:
    """The record of `url`, if there is one.

    Raises:
        FetchError: The lock file cannot be read.
    """
    return _read(lock_path()).get(url)


def remember(url: str, seen: Seen) -> Seen:
    """Record `seen` unless `url` has a record already; return the one that holds.

    Raises:
        FetchError: The lock file cannot be read.
    """
    path = lock_path()
    with _only_one_writer(path):
        entries = _read(path)
        if url in entries:
            return entries[url]
        entries[url] = seen
        records = {address: asdict(entry) for address, entry in entries.items()}
        write_json(path, {"schema": _SCHEMA, "first_seen": records})
    return seen


def _only_one_writer(path: Path) -> AbstractContextManager[Any]:
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path.with_name(f"{path.name}.lock"))


def _read(path: Path) -> dict[str, Seen]:
    try:
        record = read_json(path)
        if record.get("schema") != _SCHEMA:
            text = f"expected schema {_SCHEMA}, got {record.get('schema')!r}"
            raise ValueError(text)
        return {url: _seen(entry) for url, entry in record["first_seen"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        text = (
            f"{path}: the lock file cannot be read ({error!r}). It holds the digests "
            f"that downloads are checked against, so nothing was downloaded and the "
            f"file is as it was. Mend it, or delete it to trust every source anew."
        )
        raise FetchError(text) from error


def _seen(entry: dict[str, Any]) -> Seen:
    seen = Seen(**entry)
    if not isinstance(seen.sha256, str) or len(seen.sha256) != 64:
        text = f"sha256 is {seen.sha256!r}, expected 64 hex digits"
        raise ValueError(text)
    return seen
