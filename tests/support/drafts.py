"""Files and drafts in a folder, for the tests of atomic writing."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ppim_port.atomic import atomic_write


def put(path: Path, content: bytes, *, overwrite: bool = False) -> None:
    with atomic_write(path, overwrite=overwrite) as draft:
        draft.file.write(content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def stale(target: Path, age: float) -> Path:
    draft = target.with_name(f".{target.name}.{'a' * 16}.tmp")
    draft.write_bytes(b"left over")
    then = time.time() - age
    os.utime(draft, (then, then))
    return draft
