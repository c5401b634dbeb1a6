"""A manifest of a data set: id, size and sha256 of each picture, a JSON line each.

Made once of pictures that are trusted, it finds every later change, also those that no
decoder sees. Lines are sorted by id, so two of the same pictures are the same file,
whatever the layout. Refused: lines that are something else, and an id twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from eval.inspection.look import Look
from ppim_port.errors import DatasetError

Known: TypeAlias = Mapping[str, tuple[int, str]]


def manifest_text(looks: Iterable[Look]) -> str:
    """The manifest of pictures that were looked at."""
    lines = [
        json.dumps({"id": look.id, "size": look.size, "sha256": look.sha256})
        for look in sorted(looks, key=lambda look: look.id)
    ]
    return "".join(f"{line}\n" for line in lines)


def read_manifest(path: Path) -> Known:
    """Size and digest by id.

    Raises:
        DatasetError: unreadable, or a line is none of ours; names the line.
    """
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{str(path)!r}: the manifest cannot be read: {error}."
        raise DatasetError(msg) from error
    known: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        entry = _entry(line)
        if entry is None or entry[0] in known:
            what = "no entry of a manifest" if entry is None else "an id again"
            msg = f"{str(path)!r}: line {number} is {what}: {line[:80]!r}."
            raise DatasetError(msg)
        known[entry[0]] = entry[1:]
    if not known:
        msg = f"{str(path)!r}: the manifest is empty."
        raise DatasetError(msg)
    return known


def _entry(line: str) -> tuple[str, int, str] | None:
    try:
        record = json.loads(line)
        found = record["id"], record["size"], record["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    fine = [type(value) for value in found] == [str, int, str]
    return found if fine else None


def differences(looks: Iterable[Look], known: Known) -> list[str]:
    """Every picture that is missing, added or changed, in order of ids."""
    found = {look.id: (look.size, look.sha256) for look in looks}
    told = []
    for name in sorted({*found, *known}):
        if name not in found:
            told.append(f"{name}: missing")
        elif name not in known:
            told.append(f"{name}: not in the manifest")
        elif found[name] != known[name]:
            told.append(f"{name}: {_changed(found[name], known[name])}")
    return told


def _changed(found: tuple[int, str], known: tuple[int, str]) -> str:
    if found[0] != known[0]:
        return f"{found[0]:,} bytes, expected {known[0]:,}"
    return f"sha256 {found[1][:16]}..., expected {known[1][:16]}..."
