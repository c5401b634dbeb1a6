"""Which digest a file must have, who says so, and whether the cache has such a file.

The manifest's digest wins over the lock file's. A cached file that neither vouches
for is not "cached": its bytes could be anybody's. A file that an installed package
ships is taken from where it lies, under the same rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ppim_port.errors import DigestError, FetchError
from ppim_port.fetch.decide import decide
from ppim_port.fetch.disk import digest_of
from ppim_port.fetch.installed import advice, installed_file, is_package
from ppim_port.fetch.lock import recorded
from ppim_port.fetch.outcome import Refused
from ppim_port.fetch.places import lock_path, place_of
from ppim_port.fetch.records import Download, Fetched


@dataclass(frozen=True, slots=True)
class Promise:
    """A digest known before the download, and who vouches for it."""

    sha256: str
    by: Literal["manifest", "lock"]


def promise_of(download: Download) -> Promise | None:
    """The digest that `download` must have; None before its first use.

    Raises:
        FetchError: The lock file cannot be read.
    """
    if download.sha256 is not None:
        return Promise(download.sha256, "manifest")
    seen = recorded(download.url)
    return Promise(seen.sha256, "lock") if seen else None


def cached(downloads: Sequence[Download]) -> Path | None:
    """The first of `downloads` that lies verified in the cache; asks no network.

    The file is read and its sha256 computed each time: a bit that flipped on the
    disk since is noticed.

    Raises:
        FetchError: The lock file or the cached file cannot be read.
    """
    hit = find_cached(downloads)
    return hit.path if hit else None


def find_cached(downloads: Sequence[Download]) -> Fetched | None:
    """As `cached`, with the whole record."""
    for download in downloads:
        if (hit := _in_cache(download)) is not None:
            return hit
    return None


def _in_cache(download: Download) -> Fetched | None:
    promise = promise_of(download)
    path = _place(download)
    if promise is None or path is None or not path.is_file():
        return None
    found = _readable_digest(path)
    if decide(download.url, promise.sha256, found=found, part=None).kind != "use-cache":
        return None
    return Fetched(
        path=path,
        sha256=found,
        source=download.name,
        url=download.url,
        trust=promise.by,
        from_cache=True,
    )


def _place(download: Download) -> Path | None:
    if is_package(download.url):
        return installed_file(download.url)
    return place_of(download.filename).file


def not_installed(download: Download) -> Refused | DigestError:
    """Why a package's file could not be had: only pip can mend it.

    Args:
        download: of an address that `is_package`, and that `find_cached` has not found.
    """
    path = installed_file(download.url)
    if path is None:
        return Refused(f"not installed: {advice(download.url)}")
    return DigestError(
        f"{path}: sha256 differs. Expected {download.sha256} (the manifest promises), "
        f"got {_readable_digest(path)}. The file was left as it is; "
        f"{advice(download.url)}"
    )


def _readable_digest(path: Path) -> str:
    try:
        return digest_of(path)
    except OSError as error:
        text = f"{path}: the cached file cannot be read ({error}). Delete it, try again"
        raise FetchError(text) from error


def mismatch(
    download: Download, promise: Promise, got: str, *, by_hand: str
) -> DigestError:
    """The error for bytes that are not the promised ones."""
    if promise.by == "manifest":
        voucher = "the manifest promises"
        advice = (
            "Try another source; if you trust the new file, get it by hand and pass "
            f"it as  {by_hand}"
        )
    else:
        voucher = f"the lock file {lock_path()} holds from its first use"
        advice = (
            f"The publisher changed it, or somebody else did. If you trust the new "
            f"file, delete the entry {download.url!r} from {lock_path()} and run again"
        )
    return DigestError(
        f"{download.filename} from {download.url}: sha256 differs. Expected "
        f"{promise.sha256} ({voucher}), got {got}. The download was deleted; the "
        f"cache was left as it was. {advice}."
    )
