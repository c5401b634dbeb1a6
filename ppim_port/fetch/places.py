"""Where fetched files and their bookkeeping live.

``$PPIM_PORT_CACHE`` moves everything, the lock file too, so that a test or a job
never sees the user's own. Without it the lock file is kept apart from the cache:
emptying a cache must not forget what was seen first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CACHE_VARIABLE = "PPIM_PORT_CACHE"
_APP = "ppim_port"


def _override() -> Path | None:
    value = os.environ.get(CACHE_VARIABLE)
    return Path(value).expanduser().absolute() if value else None


def cache_dir() -> Path:
    """The folder of fetched files; it may not exist yet."""
    if (override := _override()) is not None:
        return override
    from platformdirs import user_cache_path

    return user_cache_path(_APP, appauthor=False)


def lock_path() -> Path:
    """The user's record of first-seen digests; it may not exist yet."""
    if (override := _override()) is not None:
        return override / "lock" / "digests.json"
    from platformdirs import user_data_path

    return user_data_path(_APP, appauthor=False) / "digests.json"


@dataclass(frozen=True, slots=True)
class Place:
    """The five paths of one cached file.

    Attributes:
        file: The verified file.
        origin: Where it came from; also the mark that the file is ours to delete.
        part: A broken-off download.
        part_origin: What a resume of it must be checked against.
        busy: The lock that lets one process at a time fetch this file.
    """

    file: Path
    origin: Path
    part: Path
    part_origin: Path
    busy: Path

    def discard_part(self) -> None:
        """Forget a broken-off download."""
        self.part.unlink(missing_ok=True)
        self.part_origin.unlink(missing_ok=True)


def place_of(filename: str) -> Place:
    """The paths of the cached file `filename`."""
    folder = cache_dir()
    return Place(
        file=folder / filename,
        origin=folder / f"{filename}.json",
        part=folder / f"{filename}.part",
        part_origin=folder / f"{filename}.part.json",
        busy=folder / "lock" / f"{filename}.lock",
    )
