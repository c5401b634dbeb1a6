"""Ports that `evaluate` made on the spot and keeps beside the downloads.

A file is ours by its name, which holds the start of its source's digest. A mark
beside it holds the digest of its own bytes: a .pdparams has no checksum inside.
"""

from __future__ import annotations

import re
from pathlib import Path

from ppim_port.fetch.places import cache_dir
from ppim_port.version import __version__

FOLDER = "converted"
MARK = ".made"
_OURS = re.compile(r"[\w.-]+-[0-9a-f]{16}\.(?:pth|pdparams)")
_MARKED = re.compile(r"([0-9a-f]{64}) ppim-port \S+\n")


def converted_dir() -> Path:
    """The folder of the ports; it may not exist yet."""
    return cache_dir() / FOLDER


def mark_of(port: Path) -> Path:
    """Where the mark of a port is."""
    return port.with_name(port.name + MARK)


def mark_text(sha256: str) -> str:
    """What the mark of a port with this digest says, if this version made it."""
    return f"{sha256} ppim-port {__version__}\n"


def marked_digest(port: Path) -> str | None:
    """The digest in a port's mark; None without a sound mark."""
    try:
        found = _MARKED.fullmatch(mark_of(port).read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return found[1] if found else None


def converted_files() -> list[Path]:
    """Every port in the folder, by name; nothing that the user put there."""
    folder = converted_dir()
    if not folder.is_dir():
        return []
    return sorted(
        p for p in folder.iterdir() if _OURS.fullmatch(p.name) and p.is_file()
    )


def delete_converted(port: Path) -> None:
    """Delete a port, its mark, and what a killed run left of it."""
    from ppim_port.atomic import remove_stale_drafts

    for path in (port, mark_of(port)):
        remove_stale_drafts(path)
        path.unlink(missing_ok=True)
