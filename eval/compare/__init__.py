"""Two ledgers over the same pictures, held against each other picture by picture.

Works across frameworks, precisions and machines, because it needs nothing but rows.
Refuses runs over different pictures or labels, naming what differs: a difference of
accuracies would then be one of data sets. An unpaired comparison is not offered: at
76 % of 50,000 its standard error is 0.19 points, above most porting bugs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eval.compare.flips import flips_of, near_tie
from eval.compare.logits import logit_difference
from eval.compare.matching import matched
from eval.compare.statistics import mcnemar, paired_interval, wilson
from eval.paired import Compared, Paired
from eval.records import Row

__all__ = ["compare", "near_tie"]

SHOWN = 5


def compare(
    old: Iterable[Row], new: Iterable[Row], *, partly: bool = False
) -> Compared:
    """Compare two runs.

    Args:
        old: the reference's rows, in any order.
        new: the rows that are held against them.
        partly: whether `new` may lack pictures of `old`, as a run that ended early.

    Raises:
        DatasetError: other pictures or labels; some of them are named.
        MissingPackageError: scipy is not installed.
    """
    pairs = matched(old, new, partly=partly)
    right = [(a.rank == 0, b.rank == 0) for a, b in pairs]
    others = [b.id for a, b in pairs if a.digest != b.digest]
    old_right, new_right = sum(a for a, _ in right), sum(b for _, b in right)
    return Compared(
        top1=paired(right),
        top5=paired([(a.label in a.top5, b.label in b.top5) for a, b in pairs]),
        flips=tuple(flips_of(pairs)),
        same_top5=sum(a.top5 == b.top5 for a, b in pairs),
        other_files=tuple(others[:SHOWN]),
        other_files_count=len(others),
        logits=logit_difference(pairs),
        old_right=old_right,
        new_right=new_right,
        old_wilson=wilson(old_right, len(pairs)),
        new_wilson=wilson(new_right, len(pairs)),
    )


def paired(right: Sequence[tuple[bool, bool]]) -> Paired:
    """Count and test pairs of (right before, right now)."""
    n = len(right)
    both = right.count((True, True))
    only_old, only_new = right.count((True, False)), right.count((False, True))
    low, high = paired_interval(only_new, only_old, n)
    return Paired(
        n=n,
        both_right=both,
        only_old=only_old,
        only_new=only_new,
        both_wrong=n - both - only_old - only_new,
        interval=(100 * low, 100 * high),
        p_value=mcnemar(only_old, only_new),
    )
