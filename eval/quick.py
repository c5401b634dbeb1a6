"""An evaluation that ends as soon as its verdict is certain.

Refuses what could not be decided early: a part of the validation set without a baseline
has nothing to be judged against. With a run folder it keeps what it scored, in its
random order and sealed as any run's: `sample.json` and no `result.json` stands there
when it ends early, because a part must never pass for the whole; without --quick the
same command scores the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from eval.folder import finish
from eval.gate import counts_within, flips_allowed, missing_from_whole
from eval.journal import Journal, RunLock, remove_shards
from eval.order import SEED
from eval.prepare import Named, Prepared, Say, named, prepare, unlike_published
from eval.records import Request, Result, Row, Verdict
from eval.report import RESULT_NAME, SAMPLE_NAME, object_text, result_object, with_seal
from eval.saved import saved_result
from eval.sequential import AgainstBaseline, AgainstPublished, Early
from eval.work import Watch, Work
from ppim_port.errors import UsageError
from ppim_port.output import write_text

Test = AgainstBaseline | AgainstPublished
Found = tuple[Result, Early | None]


def evaluate_quick(
    request: Request,
    *,
    baseline: Sequence[Row] | None = None,
    max_flips: int | None = None,
    say: Say = lambda text: None,
    watch: Watch = lambda stream, total: stream,
) -> Found:
    """Score pictures in a seeded random order until the verdict is certain.

    Args:
        request: as for `evaluate`; with a run folder, what an earlier quick run scored
            there is judged first, and a whole run there is given back.
        baseline: rows to be judged against; None is the published figures.
        max_flips: as for `gate_baseline`.
        say: told what a person would want to know.
        watch: wraps the batches, to show progress.

    Returns:
        The result over the pictures that were scored, and the early verdict; None if
        it took all pictures, whose usual verdict is in the result then.

    Raises:
        UsageError: nothing to be judged against.
        LedgerError: the run folder's pictures come in another order, or as `evaluate`.
        PpimError: as for `evaluate`.
    """
    found = named(request)

    def ready() -> tuple[Work, Test]:
        able = prepare(request, found, say, order_seed=SEED)
        return Work(able, say, watch), _test(able, baseline, max_flips)

    if request.run is None:
        work, test = ready()
        return _ended(work, *_scored(work, test, None), "")
    with RunLock(request.run, 1):
        finished = _finished(request, found, say)
        if finished is not None:
            return finished, None
        work, test = ready()
        return _kept(work, test, request.run)


def _finished(request: Request, found: Named, say: Say) -> Result | None:
    finished = saved_result(request, found)
    if finished is not None:
        say(f"finished before, the whole of it: {request.run}/{RESULT_NAME}")
    return finished


def _kept(work: Work, test: Test, folder: Path) -> Found:
    """Go on in a folder, and leave there whether it is a sample or the whole."""
    with Journal(folder, work.ready.settings) as journal:
        rows, early = _scored(work, test, journal)
        if len(rows) == len(work.ready.dataset.samples):
            whole = finish(work, journal, folder), None
            remove_shards(folder)
            return whole
        result, early = _ended(work, rows, early, journal.chain)
    assert early is not None
    told = {**result_object(result), "quick": early.as_object()}
    write_text(object_text(with_seal(told)) + "\n", folder / SAMPLE_NAME)
    return result, early


def _scored(
    work: Work, test: Test, journal: Journal | None
) -> tuple[list[Row], Early | None]:
    """Rows so far, and the verdict as soon as there is one."""
    size, rows = work.ready.request.batch_size, list(journal.resumed if journal else ())
    for at in range(0, len(rows), size):
        if early := test.update(rows[at : at + size]):
            return rows, early
    wanted = range(journal.batches if journal else 0, work.ready.total)
    with closing(work.scored(wanted)) as scored:
        for _, batch in scored:
            if journal:
                journal.append(batch)
            rows += batch
            if early := test.update(batch):
                return rows, early
    return rows, None


def _ended(work: Work, rows: list[Row], early: Early | None, chain: str) -> Found:
    result = work.result(rows, chain)
    if early is not None:
        result = replace(result, verdict=Verdict(early.status, early.reason))
    return result, early


def _test(
    ready: Prepared, baseline: Sequence[Row] | None, max_flips: int | None
) -> Test:
    total = len(ready.dataset.samples)
    if baseline is not None:
        lost = {s.id for s in ready.dataset.samples} - {row.id for row in baseline}
        if lost:
            message = (
                f"{len(lost):,} of the pictures are not in the baseline, such as "
                f"{min(lost)}. Nothing was scored."
            )
            raise UsageError(message)
        budget = flips_allowed(total, max_flips)
        return AgainstBaseline(baseline, max_flips=budget, total=total)
    why = unlike_published(
        ready.record, ready.recipe, ready.dataset, test_set=ready.request.protocol
    )
    if why := why or missing_from_whole(ready.dataset):
        message = (
            f"--quick has nothing to decide: {why}, and there is no --baseline. "
            "Nothing was scored."
        )
        raise UsageError(message)
    figure = ready.record.published[0]
    tolerance = ready.request.tolerance
    limit = figure.tolerance if tolerance is None else tolerance
    return AgainstPublished(
        total,
        counts_within(figure.top1, limit, total),
        counts_within(figure.top5, limit, total),
        source=figure.source,
    )
