"""An evaluation, stage by stage: pictures, net, ledger, counts, verdict.

Everything that can be refused is refused before the first picture is decoded, and
what can go wrong later ends the run with the picture's name: no number is printed
that does not count every picture. With a run folder, what was scored before a kill is
taken over, and the finished ledger is the same, byte for byte.
"""

from __future__ import annotations

from eval.folder import merge, order_seed, score_all, score_share
from eval.journal import RunLock, merging, remove_shards
from eval.launch import ALONE, Shard
from eval.prepare import Say, named, prepare
from eval.records import Request, Result
from eval.report import RESULT_NAME
from eval.saved import saved_result
from eval.work import Watch, Work
from ppim_port.errors import UsageError


def evaluate(
    request: Request,
    *,
    say: Say = lambda text: None,
    watch: Watch = lambda stream, total: stream,
) -> Result:
    """Score a model on labelled pictures and compare it with what was published.

    Args:
        request: what to run; a finished run in its folder is returned, not repeated.
        say: told one line for each thing that a person would want to know.
        watch: wraps the batches, to show progress; given them and the picture count.

    Raises:
        UsageError: an unknown model, an absent framework, an option out of range.
        DatasetError: the pictures or labels cannot be used; an `ImageError` names
            the picture.
        FetchError, CheckpointError, MappingError: the weights cannot be used.
        LedgerError: the run folder belongs to another run, or the disk says no.
        VerificationError: the net's logits are not finite.
    """
    found = named(request)
    if request.run is None:
        work = Work(prepare(request, found, say), say, watch)
        scored = work.scored(range(work.ready.total))
        return work.result([row for _, rows in scored for row in rows], "")
    with RunLock(request.run, 1):
        finished = saved_result(request, found)
        if finished is not None:
            say(f"finished before: {request.run / RESULT_NAME}")
            return finished
        seed = order_seed(request.run)
        ready = prepare(request, found, say, order_seed=seed)
        result = score_all(Work(ready, say, watch), request.run)
        remove_shards(request.run)
        return result


def evaluate_shard(
    request: Request,
    shard: Shard,
    *,
    say: Say = lambda text: None,
    watch: Watch = lambda stream, total: stream,
) -> Result | None:
    """Score one rank's share; the last rank to finish merges all of them.

    Args:
        request: as for `evaluate`; the ranks meet in its run folder.
        shard: our share; with one process it is all of it.
        say: as for `evaluate`.
        watch: as for `evaluate`.

    Returns:
        The whole run's result, to the rank that merged it; None to the others.

    Raises:
        PpimError: as for `evaluate`.
    """
    if shard == ALONE:
        return evaluate(request, say=say, watch=watch)
    found = named(request)
    folder = request.run
    if folder is None:
        message = (
            f"{shard.world} processes were started, and they need a folder to meet in: "
            "pass --run-dir DIR. Nothing was evaluated."
        )
        raise UsageError(message)
    with RunLock(folder, shard.world) as lock:
        result = saved_result(request, found)
        if result is None:
            seed = order_seed(folder)
            ready = prepare(request, found, say, order_seed=seed)
            work = Work(ready, say, watch)
            score_share(work, folder, shard)
            with merging(folder):
                # Another may have merged while we waited: it tells the result.
                merged = (folder / RESULT_NAME).exists()
                result = None if merged else merge(work, folder)
        elif shard.rank:
            return None
        if lock.is_last() and (folder / RESULT_NAME).exists():
            remove_shards(folder)
        return result
