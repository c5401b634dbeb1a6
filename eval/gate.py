"""The verdict: is the accuracy the published one?

Refuses to compare what is not comparable: a part of the validation set, another
recipe, another classifier. The gate is two-sided, since an accuracy that is too good
means another mistake, not a better port.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil

from eval.cifar_sets import missing_from, set_of_id
from eval.paired import BaselineVerdict, Compared
from eval.records import Comparison, Dataset, Score, Status, Verdict
from ppim_port.manifest import Published
from ppim_port.validation_set import number_of, official_name

# ILSVRC2012 validation: 50 pictures of each of 1000 classes.
CLASSES = 1000
PICTURES_A_CLASS = 50
PICTURES = CLASSES * PICTURES_A_CLASS
# Pictures in a thousand that may get another first class before it counts as a change,
# and the p-value below which a net change is none of chance.
FLIPS_A_THOUSAND = 1
SIGNIFICANT = 0.01


def missing_from_whole(dataset: Dataset) -> str | None:
    """Why the pictures are not a whole test set; None if they are.

    That of ILSVRC2012, or of the CIFAR set that the first picture is of. Judged by
    names and labels; that the pictures are the right ones is not.
    """
    if dataset.samples and (cifar := set_of_id(dataset.samples[0].id)):
        return missing_from(cifar, [(s.id, s.label) for s in dataset.samples])
    n = len(dataset.samples)
    if n != PICTURES:
        return f"{n:,} of the {PICTURES:,} validation pictures"
    # By id and not by file: mirrors append a class to names, and archives hold keys.
    numbers = {number_of(sample.id) for sample in dataset.samples}
    lost = set(range(1, PICTURES + 1)) - numbers
    if lost:
        return f"{n:,} pictures, but {official_name(min(lost))} is not among them"
    counts = Counter(sample.label for sample in dataset.samples)
    if set(counts.values()) != {PICTURES_A_CLASS}:
        return f"not {PICTURES_A_CLASS} pictures of each of {CLASSES} classes"
    return None


def gate(
    score: Score,
    published: Sequence[Published],
    *,
    missing: str | None = None,
    unlike: str | None = None,
    tolerance: float | None = None,
) -> Verdict:
    """Compare a score with the published figures; the first of them decides.

    Args:
        score: what was measured.
        published: figures of this model, the authors' own first.
        missing: why the pictures are not the whole set; None if they are.
        unlike: why the run is not of the published kind; None if it is.
        tolerance: percentage points, instead of each figure's own.
    """
    if unlike:
        return Verdict("not-comparable", f"{unlike}: not compared with published ones")
    if missing:
        return Verdict(
            "partial", f"{missing}: a part is not compared as if it were the whole"
        )
    comparisons = tuple(_compare(score, published, tolerance))
    first = comparisons[0]
    status: Status = "pass" if first.within else "fail"
    worst = max(first.top1_difference, first.top5_difference, key=abs)
    what = "within" if first.within else ("below" if worst < 0 else "above")
    reason = (
        f"top-1 {first.top1_difference:+.3f} and top-5 {first.top5_difference:+.3f} pp "
        f"against {first.source}: {what} its tolerance of {first.tolerance:g} pp"
    )
    return Verdict(status, reason, comparisons)


def counts_within(figure: float, tolerance: float, n: int) -> tuple[int, int]:
    """The least and the most right answers of `n` that pass, as `gate` judges them."""
    near = round(figure / 100 * n)
    room = ceil(tolerance / 100 * n) + 1
    passing = [
        count
        for count in range(max(near - room, 0), min(near + room, n) + 1)
        if _within(100 * count / n - figure, tolerance)
    ]
    return (passing[0], passing[-1]) if passing else (n + 1, -1)


def flips_allowed(n: int, max_flips: int | None) -> int:
    """The budget of flips: what was asked for, or one in a thousand, rounded up."""
    return ceil(n * FLIPS_A_THOUSAND / 1000) if max_flips is None else max_flips


def gate_baseline(
    compared: Compared, *, max_flips: int | None = None
) -> BaselineVerdict:
    """Judge a run against its baseline, by flips and by their net change.

    Both ways: a net improvement that chance does not explain is a change too.

    Args:
        compared: baseline first.
        max_flips: pictures that may get another first class; None is one in a thousand.
    """
    flips, budget = len(compared.flips), flips_allowed(compared.n, max_flips)
    paired = compared.top1
    significant = paired.p_value < SIGNIFICANT
    numbers = (
        f"{flips:,} of {compared.n:,} first classes flipped (budget {budget:,}), top-1 "
        f"{paired.net_change:+.3f} pp, exact McNemar p = {paired.p_value:.2g}"
    )
    if flips > budget:
        return BaselineVerdict("fail", f"{numbers}: over the budget", budget, compared)
    if significant:
        reason = f"{numbers}: a net change that chance does not explain"
        return BaselineVerdict("fail", reason, budget, compared)
    return BaselineVerdict("pass", numbers, budget, compared)


def _compare(
    score: Score, published: Iterable[Published], tolerance: float | None
) -> Iterable[Comparison]:
    for figure in published:
        limit = figure.tolerance if tolerance is None else tolerance
        top1, top5 = score.top1 - figure.top1, score.top5 - figure.top5
        yield Comparison(
            source=figure.source,
            url=figure.url,
            note=figure.note,
            top1=figure.top1,
            top5=figure.top5,
            top1_difference=top1,
            top5_difference=top5,
            tolerance=limit,
            within=_within(top1, limit) and _within(top5, limit),
        )


def _within(difference: float, limit: float) -> bool:
    # Rounded to a tenth of a picture of 50,000: 76.06 - 75.96 is 0.1 and not more.
    return round(abs(difference), 4) <= limit
