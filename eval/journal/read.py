"""Read a ledger back, believing nothing that is not sealed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.journal.codec import (
    VERSION,
    Seal,
    header_line,
    next_chain,
    parse_row,
    parse_seal,
)
from eval.records import Row
from ppim_port.errors import LedgerError


@dataclass(frozen=True, slots=True)
class Sealed:
    """The part of a ledger that counts.

    Attributes:
        settings: what decided the numbers.
        rows: of all sealed batches, in order.
        batches: how many are sealed.
        chain: sha256 over all of it, in hex: the ledger's fingerprint.
        size: its length in bytes; what lies behind it was never sealed.
        unsealed: bytes behind it.
    """

    settings: dict[str, Any]
    rows: tuple[Row, ...]
    batches: int
    chain: str
    size: int
    unsealed: int


def read_ledger(path: Path) -> Sealed:
    """The sealed part of a ledger.

    A torn or half-written end, as a killed run leaves it, is no error: it is counted in
    `unsealed`. Anything else that does not fit is.

    Raises:
        LedgerError: names the line: not a ledger, edited, or damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror or error}."
        raise LedgerError(message) from error
    lines = data.splitlines(keepends=True)
    settings = _settings(path, lines)
    return _replay(path, lines, settings, len(data))


def _settings(path: Path, lines: list[bytes]) -> dict[str, Any]:
    try:
        header = json.loads(lines[0])
        settings = header["settings"]
        same = header["ledger"] == VERSION and lines[0] == header_line(settings)
    except (IndexError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        message = (
            f"{path}: the first line is not the header of a ledger of version "
            f"{VERSION}. Nothing was changed; name another folder."
        )
        raise LedgerError(message)
    return dict(settings)


def _replay(
    path: Path, lines: list[bytes], settings: dict[str, Any], total: int
) -> Sealed:
    rows: list[Row] = []
    chain = next_chain("", lines[:1])
    size = len(lines[0])
    begun = 1
    batches = 0
    for number, line in enumerate(lines[1:], start=2):
        fields = _fields(line)
        if fields is None or "seal" not in fields:
            continue
        batch = lines[begun : number - 1]
        seal = _checked_seal(path, number, fields, chain, batch, batches)
        rows += _rows(path, begun + 1, batch)
        chain, batches, begun = seal.chain, batches + 1, number
        size += sum(map(len, batch)) + len(line)
    _refuse_broken_middle(path, lines[begun:], begun + 1)
    return Sealed(settings, tuple(rows), batches, chain, size, total - size)


def _fields(line: bytes) -> dict[str, Any] | None:
    """A line's fields; None if it is torn."""
    if not line.endswith(b"\n"):
        return None
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _checked_seal(
    path: Path,
    number: int,
    fields: dict[str, Any],
    chain: str,
    batch: list[bytes],
    index: int,
) -> Seal:
    try:
        seal = parse_seal(fields)
    except (KeyError, TypeError, ValueError):
        seal = Seal(-1, -1, "")
    expected = Seal(index, len(batch), next_chain(chain, batch))
    if seal != expected:
        message = (
            f"{path}: line {number} seals batch {index}, but not the lines before it: "
            "the ledger was edited or damaged. Nothing was changed; restore it, or "
            "start anew in another folder."
        )
        raise LedgerError(message)
    return seal


def _rows(path: Path, first: int, batch: list[bytes]) -> list[Row]:
    rows = []
    for number, line in enumerate(batch, start=first):
        try:
            rows.append(parse_row(json.loads(line)))
        except (KeyError, TypeError, ValueError) as error:
            message = f"{path}: line {number} is sealed but is not a row: {error!r}."
            raise LedgerError(message) from error
    return rows


def _refuse_broken_middle(path: Path, tail: list[bytes], first: int) -> None:
    """A tail of whole rows and at most one torn last line is what a kill leaves."""
    for number, line in enumerate(tail[:-1], start=first):
        if _fields(line) is None:
            message = (
                f"{path}: line {number} is damaged, and more lines follow it: not what "
                "a killed run leaves. Nothing was changed."
            )
            raise LedgerError(message)
