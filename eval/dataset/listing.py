"""What lies in one folder, sorted; and how errors name many things in one line.

Pictures are told by their suffix, because opening 50,000 files to sort them would
cost minutes. A link that leads nowhere counts as a file that is no picture.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ppim_port.errors import DatasetError

PICTURE_SUFFIXES = (
    *(".jpeg", ".jpg", ".jpe", ".jp2", ".png", ".bmp", ".gif", ".webp", ".avif"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
)
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Entries:
    """Names in one folder, sorted by code point, without hidden ones."""

    folders: tuple[str, ...]
    pictures: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Everything that is not a folder."""
        return self.pictures + self.others


def entries(folder: Path) -> Entries:
    """List one folder, without those in it.

    Raises:
        DatasetError: it cannot be listed, or a name is not UTF-8.
    """
    folders, pictures, others = [], [], []
    for name, is_folder, is_file in sorted(_scan(folder)):
        if is_folder:
            folders.append(name)
        elif is_file and name.lower().endswith(PICTURE_SUFFIXES):
            pictures.append(name)
        else:
            others.append(name)
    _refuse_undecodable(folder, [*folders, *pictures])
    return Entries(tuple(folders), tuple(pictures), tuple(others))


def some(names: Sequence[object]) -> str:
    """The first few of many, quoted, with a count of the rest."""
    shown = ", ".join(repr(str(name)) for name in names[:_SHOWN])
    rest = len(names) - _SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown


def _scan(folder: Path) -> list[tuple[str, bool, bool]]:
    try:
        with os.scandir(folder) as found:
            return [
                (entry.name, entry.is_dir(), entry.is_file())
                for entry in found
                if not entry.name.startswith(".")
            ]
    except OSError as error:
        msg = f"{str(folder)!r}: the folder cannot be listed: {error.strerror}."
        raise DatasetError(msg) from error


def _refuse_undecodable(folder: Path, names: list[str]) -> None:
    """An id must survive being written to a UTF-8 ledger."""
    bad = [name for name in names if not name.isascii() and has_surrogates(name)]
    if bad:
        msg = (
            f"{str(folder)!r}: {len(bad)} names are not valid UTF-8: "
            f"{', '.join(map(ascii, bad[:_SHOWN]))}. Rename them and run again."
        )
        raise DatasetError(msg)


def has_surrogates(name: str) -> bool:
    """Whether a name came from bytes that are no UTF-8."""
    return any("\ud800" <= letter <= "\udfff" for letter in name)
