"""An evaluation that ends as soon as its verdict is certain.

Refuses what could not be decided early: a part of the validation set without a baseline
has nothing to be judged against. Keeps no ledger to resume: a verdict that takes a few
hundred pictures is had again sooner than its folder is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

from eval.gate import counts_within, flips_allowed, missing_from_whole
from eval.prepare import Prepared, Say, named, prepare, unlike_published
from eval.records import Request, Result, Row, Verdict
from eval.sequential import (
    AgainstBaseline,
    AgainstPublished,
    Early,
    shuffled,
)
from eval.work import Watch, Work
from ppim_port.errors import UsageError


def evaluate_quick(
    request: Request,
    *,
    baseline: Sequence[Row] | None = None,
    max_flips: int | None = None,
    say: Say = lambda text: None,
    watch: Watch = lambda stream, total: stream,
) -> tuple[Result, Early | None]:
    """Score pictures in a seeded random order until the verdict is certain.

    Args:
        request: as for `evaluate`, without a run folder.
        baseline: rows to be judged against; None is the published figures.
        max_flips: as for `gate_baseline`.
        say: told what a person would want to know.
        watch: wraps the batches, to show progress.

    Returns:
        The result over the pictures that were scored, and the early verdict; None if
        it took all pictures, whose usual verdict is in the result then.

    Raises:
        UsageError: a run folder, or nothing to be judged against.
        PpimError: as for `evaluate`.
    """
    if request.run:
        message = "A quick run keeps no ledger: leave out --run or --quick."
        raise UsageError(message)
    ready = prepare(request, named(request), say)
    test = _test(ready, baseline, max_flips)
    ready = replace(ready, dataset=shuffled(ready.dataset))
    work = Work(ready, say, watch)
    rows: list[Row] = []
    early = None
    with closing(work.scored(range(ready.total))) as scored:
        for _, batch in scored:
            rows += batch
            if early := test.update(batch):
                break
    result = work.result(rows, "")
    if early is not None:
        result = replace(result, verdict=Verdict(early.status, early.reason))
    return result, early


def _test(
    ready: Prepared, baseline: Sequence[Row] | None, max_flips: int | None
) -> AgainstBaseline | AgainstPublished:
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
    classes = ready.dataset.classes
    why = unlike_published(
        ready.record, ready.recipe, classes, test_set=ready.request.protocol
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
