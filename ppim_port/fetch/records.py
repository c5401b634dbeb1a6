"""What to get, and what was got.

A file name that could leave the cache folder, or be mistaken for one of the cache's
own files, is refused here, so that no later step needs to ask again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ppim_port.errors import UsageError
from ppim_port.fetch.installed import is_package

Say: TypeAlias = Callable[[str], None]
Trust: TypeAlias = Literal["manifest", "lock", "first-use"]

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,149}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OUR_ENDINGS = (".part", ".json", ".lock", ".")
_OUR_FOLDER = "lock"


@dataclass(frozen=True, slots=True)
class Download:
    """One source of a file.

    Attributes:
        name: The source's name in messages, such as "official".
        url: Its https address, or `package:NAME/PATH` for a file that an installed
            Python package ships; that one needs a digest.
        filename: The file's name in the cache: letters, digits and ``. _ + -``.
        sha256: The promised digest, 64 lower-case hex digits. None means trust on
            first use: recorded in the user's lock file and checked ever after.

    Raises:
        UsageError: The file name or the digest is malformed.
    """

    name: str
    url: str
    filename: str
    sha256: str | None

    def __post_init__(self) -> None:
        if not _PLAIN_NAME.fullmatch(self.filename) or self._is_reserved():
            text = (
                f"{self.name}: {self.filename!r} cannot be a file name in the cache. "
                f"Expected letters, digits and ._+- only, not {_OUR_FOLDER!r}, not "
                f"ending in {' '.join(_OUR_ENDINGS)}. Nothing was downloaded; mend "
                f"the source's record."
            )
            raise UsageError(text)
        if self.sha256 is not None and not _DIGEST.fullmatch(self.sha256):
            text = (
                f"{self.name}: the sha256 of {self.filename} is {self.sha256!r}. "
                f"Expected 64 lower-case hex digits, or null for trust on first use."
            )
            raise UsageError(text)
        if self.sha256 is None and is_package(self.url):
            text = (
                f"{self.name}: {self.url} has no sha256. Expected one, because nobody "
                f"else vouches for a file in a site-packages folder; mend the "
                f"source's record."
            )
            raise UsageError(text)

    def _is_reserved(self) -> bool:
        name = self.filename.lower()
        return name == _OUR_FOLDER or name.endswith(_OUR_ENDINGS)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A verified file, and why it is believed.

    Attributes:
        path: The file in the cache, or in the package that ships it.
        sha256: Its digest, computed now.
        source: Name of the source that it came from.
        url: Address of that source, as its record has it.
        trust: "manifest" (promised digest), "lock" (the digest recorded earlier) or
            "first-use" (recorded now, so nothing vouches for it yet).
        from_cache: True if no byte was downloaded by this call.
    """

    path: Path
    sha256: str
    source: str
    url: str
    trust: Trust
    from_cache: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of a download; `fetch` documents each."""

    max_bytes: int
    timeout: float
    tries: int
    allow_http: bool
    progress: bool
    sleep: Callable[[float], None]
    by_hand: str
