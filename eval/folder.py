"""What happens in a run folder: resume, score, seal, merge, and write the result.

Refuses to score a picture that any earlier start has sealed, whoever scored it.
"""

from __future__ import annotations

from pathlib import Path

from eval.journal import (
    LEDGER_NAME,
    SHARDS,
    Journal,
    Sink,
    read_ledger,
    refuse_other_settings,
    shard_batches,
    shard_name,
    shard_settings,
)
from eval.launch import Shard
from eval.records import Result, Row
from eval.report import RESULT_NAME, SAMPLE_NAME, write_json
from eval.work import Work


def score_all(work: Work, folder: Path) -> Result:
    """Score what is missing into the run's ledger, then write the result.

    Raises:
        LedgerError: the folder belongs to another run, or the disk says no.
    """
    ready = work.ready
    with Journal(folder, ready.settings) as journal:
        sink = Sink(journal, _sealed_batches(work, folder))
        for index, rows in work.scored(sink.missing(ready.total)):
            sink.add(index, rows)
        return finish(work, journal, folder)


def score_share(work: Work, folder: Path, shard: Shard) -> None:
    """Seal what is ours and that no rank of any earlier start has sealed.

    Raises:
        LedgerError: as for `score_all`.
    """
    ready = work.ready
    own = shard_settings(ready.settings, shard.rank, shard.world)
    name = shard_name(shard.rank, shard.world)
    merged = _merged_batches(work, folder)
    with Journal(folder / SHARDS, own, name=name) as journal:
        known = _sealed_batches(work, folder)
        missing = [
            index
            for index in range(merged, ready.total)
            if shard.owns(index) and index not in known
        ]
        for _, rows in work.scored(missing):
            journal.append(rows)


def order_seed(folder: Path) -> int | None:
    """The seed of the order that a ledger was begun in; None is by ids, or no ledger.

    Raises:
        LedgerError: what lies there is no ledger.
    """
    path = folder / LEDGER_NAME
    if not path.exists() or b"\n" not in path.read_bytes():
        return None
    seed = read_ledger(path).settings.get("order_seed")
    return None if seed is None else int(seed)


def merge(work: Work, folder: Path) -> Result | None:
    """Put the ranks' shares together; None as long as one is not there.

    Raises:
        LedgerError: as for `score_all`.
    """
    with Journal(folder, work.ready.settings) as journal:
        sink = Sink(journal, _sealed_batches(work, folder))
        if sink.missing(work.ready.total):
            return None
        return finish(work, journal, folder)


def finish(work: Work, journal: Journal, folder: Path) -> Result:
    """Write the result of a ledger that holds every picture.

    Raises:
        OutputError: the disk said no.
    """
    result = work.result(read_ledger(journal.path).rows, journal.chain)
    write_json(result, folder / RESULT_NAME)
    (folder / SAMPLE_NAME).unlink(missing_ok=True)
    return result


def _sealed_batches(work: Work, folder: Path) -> dict[int, tuple[Row, ...]]:
    ids = [sample.id for sample in work.ready.dataset.samples]
    return shard_batches(folder, work.ready.settings, ids)


def _merged_batches(work: Work, folder: Path) -> int:
    """Batches in the run's own ledger; read without its lock, another may merge."""
    path = folder / LEDGER_NAME
    if not path.exists() or b"\n" not in path.read_bytes():
        return 0
    sealed = read_ledger(path)
    refuse_other_settings(path, sealed.settings, work.ready.settings)
    return sealed.batches
