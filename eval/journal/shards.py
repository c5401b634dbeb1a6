"""The shares of a run's ranks, and how they become the one ledger.

A rank seals its batches in a ledger of its own, `shards/RANK-of-WORLD.jsonl`. Which
batch of the run's grid each of them is follows from its ids, so shards of any number
of processes fit together, and a run may go on with another number than it began with.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.journal.file import Journal, refuse_other_settings
from eval.journal.read import read_ledger
from eval.records import Row
from ppim_port.errors import LedgerError

SHARDS = "shards"


def shard_name(rank: int, world: int) -> str:
    """The file of a rank."""
    return f"{rank}-of-{world}.jsonl"


def shard_settings(
    settings: Mapping[str, Any], rank: int, world: int
) -> dict[str, Any]:
    """The header of a rank's file."""
    return {**settings, "rank": rank, "world": world}


def shard_batches(
    folder: Path, settings: Mapping[str, Any], ids: Sequence[str]
) -> dict[int, tuple[Row, ...]]:
    """Every batch that any rank has sealed, by its index in the run's grid.

    Args:
        folder: of the run.
        settings: of the run.
        ids: of the dataset, in order.

    Raises:
        LedgerError: a shard is damaged, or of a run with other settings.
    """
    found: dict[int, tuple[Row, ...]] = {}
    size = int(settings["batch_size"])
    places = {name: place for place, name in enumerate(ids)}
    for path in sorted((folder / SHARDS).glob("*-of-*.jsonl")):
        for index, rows in _batches(path, settings, places, size):
            found.setdefault(index, rows)
    return found


def remove_shards(folder: Path) -> None:
    """Forget the shards of a run that is merged; what stays behind does no harm."""
    with contextlib.suppress(OSError):
        shutil.rmtree(folder / SHARDS)


class Sink:
    """Puts batches that come in any order into a ledger in the grid's order.

    Args:
        journal: open for appending.
        known: batches that were sealed elsewhere; taken over where they fit.
    """

    def __init__(self, journal: Journal, known: dict[int, tuple[Row, ...]]) -> None:
        self._journal = journal
        self._waiting = {k: v for k, v in known.items() if k >= journal.batches}
        self._drain()

    def missing(self, total: int) -> list[int]:
        """Indices of the batches that nobody has scored."""
        return [
            index
            for index in range(self._journal.batches, total)
            if index not in self._waiting
        ]

    def add(self, index: int, rows: Sequence[Row]) -> None:
        """Take a scored batch; it is sealed as soon as all before it are."""
        self._waiting[index] = tuple(rows)
        self._drain()

    def _drain(self) -> None:
        while (rows := self._waiting.pop(self._journal.batches, None)) is not None:
            self._journal.append(rows)


def _batches(
    path: Path, settings: Mapping[str, Any], places: Mapping[str, int], size: int
) -> Iterator[tuple[int, tuple[Row, ...]]]:
    if b"\n" not in path.read_bytes():
        return  # Its rank was killed before it had written the first line.
    sealed = read_ledger(path)
    own = {name: sealed.settings.get(name) for name in ("rank", "world")}
    refuse_other_settings(path, sealed.settings, {**settings, **own})
    at = 0
    while at < len(sealed.rows):
        index = places.get(sealed.rows[at].id, -1) // size
        count = min(size, len(places) - index * size)
        rows = sealed.rows[at : at + count]
        wanted = range(index * size, index * size + count)
        if [places.get(row.id, -1) for row in rows] != list(wanted):
            message = (
                f"{path}: row {at + 1} does not begin a batch of this data set. "
                "Nothing was changed; name another folder."
            )
            raise LedgerError(message)
        yield index, rows
        at += count
