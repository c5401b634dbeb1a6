"""Write a small file whole, or not at all, with an error that says so."""

from __future__ import annotations

from pathlib import Path

from ppim_port.atomic import atomic_write
from ppim_port.errors import OutputError


def write_text(text: str, path: Path) -> None:
    """Write text as UTF-8, replacing an older file.

    Bytes of a file name that were no valid Unicode come out as they went in.

    Raises:
        OutputError: the disk said no; an older file is as it was.
    """
    write_bytes(text.encode("utf-8", "surrogateescape"), path)


def write_bytes(data: bytes, path: Path) -> None:
    """Write bytes, replacing an older file.

    Raises:
        OutputError: the disk said no; an older file is as it was.
    """
    try:
        with atomic_write(path, overwrite=True) as draft:
            draft.file.write(data)
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror or error}. "
        raise OutputError(message + "What was there before is unchanged.") from error
