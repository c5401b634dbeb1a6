"""Small dealings with the disk: digests, JSON records, a durable rename.

JSON is written whole or not at all; a record that cannot be read is an error of its
caller's choosing, never an empty record.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

CHUNK = 1 << 16


def start_digest(path: Path | None = None) -> hashlib._Hash:
    """A running sha256, over the bytes of `path` so far if one is given."""
    digest = hashlib.sha256()
    if path is not None:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest


def digest_of(path: Path) -> str:
    """The sha256 of a file, 64 lower-case hex digits."""
    return start_digest(path).hexdigest()


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Replace `path` by `record` as sorted, indented JSON, atomically."""
    from ppim_port.atomic import atomic_write

    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    with atomic_write(path, overwrite=True) as draft:
        draft.file.write(text.encode())


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds something else than one JSON object.
    """
    record = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(record, dict):
        text = f"expected a JSON object, got {type(record).__name__}"
        raise ValueError(text)
    return record


def move_into_place(part: Path, final: Path) -> None:
    """Give a whole, synced file its final name, so that a power cut cannot undo it."""
    part.replace(final)
    if os.name != "posix":
        return  # Windows cannot sync a folder
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
