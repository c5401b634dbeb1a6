"""Early verdicts: soon for a wrong model, never wrong for a right one, simulated."""

from __future__ import annotations

from math import inf, log

import numpy as np
import pytest

from eval.gate import counts_within
from eval.order import shuffled
from eval.records import Row, Sample
from eval.sequential import (
    ALPHA,
    AgainstBaseline,
    AgainstPublished,
    Early,
    NetChange,
    SumAtMost,
)
from tests.eval.made import dataset

TOTAL = 50_000
TOP1, TOP5, TOLERANCE = 75.96, 93.19, 0.1
ORDERS = 1000


def row(number: int, place: int) -> Row:
    """A picture whose label has that place among the classes."""
    classes = [7, 1, 2, 3, 4]
    if place < 5:
        classes[place] = 0
    logits = (5.0, 4.0, 3.0, 2.0, 1.0)
    return Row(str(number), "", 0, tuple(classes), logits, 1.0, place, 6.0)


def ranks(top1: int, top5: int, total: int = TOTAL) -> list[int]:
    """Places with those counts."""
    return [0] * top1 + [1] * (top5 - top1) + [9] * (total - top5)


def published(total: int = TOTAL) -> AgainstPublished:
    return AgainstPublished(
        total,
        counts_within(TOP1, TOLERANCE, total),
        counts_within(TOP5, TOLERANCE, total),
        source="authors",
    )


def until(test: AgainstPublished | AgainstBaseline, rows: list[Row]) -> Early | None:
    for begun in range(0, len(rows), 16):
        if early := test.update(rows[begun : begun + 16]):
            return early
    return None


def order(seed: int, total: int = TOTAL) -> list[int]:
    return np.random.default_rng(seed).permutation(total).tolist()


def test_counts_within_are_those_that_the_gate_passes() -> None:
    assert counts_within(TOP1, TOLERANCE, TOTAL) == (37_930, 38_030)
    assert counts_within(TOP5, TOLERANCE, TOTAL) == (46_545, 46_645)


# 0.1 % and 0.5 % are what a permutation of 1000 labels leaves.
@pytest.mark.parametrize("seed", range(20))
def test_a_label_permuted_model_fails_within_a_thousand_pictures(seed: int) -> None:
    places = ranks(50, 250)
    rows = [row(n, places[n]) for n in order(seed)[:2000]]
    early = until(published(), rows)
    assert early is not None
    assert (early.status, early.seen <= 1000) == ("fail", True)
    right = ranks(37_980, 46_595)
    baseline = [row(n, right[(n * 7919) % TOTAL]) for n in range(TOTAL)]
    early = until(AgainstBaseline(baseline, max_flips=50, total=TOTAL), rows)
    assert early is not None
    assert (early.status, early.seen <= 1000) == ("fail", True)


def evidence(values: np.ndarray, bound: int, low: int) -> np.ndarray:
    """Log evidence against "the sum is at most bound" after each of the values."""
    from eval.sequential import _SHARES

    total = values.shape[-1]
    before = np.cumsum(values, axis=-1) - values
    left = total - np.arange(total)
    mean = (bound - before) / left
    room = np.where((mean > low) & (mean < low + 1), mean - low, np.inf)
    bets = (values - mean) / room
    stakes = np.stack([np.cumsum(np.log1p(s * bets), axis=-1) for s in _SHARES])
    found = np.logaddexp.reduce(stakes - log(len(_SHARES)), axis=0)
    after, remain = before + values, left - 1
    return np.where(bound - after < remain * low, inf, found)


def outside(values: np.ndarray, least: int, most: int) -> np.ndarray:
    above = evidence(values, most, 0)
    return np.maximum(above, evidence(-values, -least, -1))


def test_the_simulation_is_the_code() -> None:
    values = np.random.default_rng(3).integers(0, 2, 300)
    test = SumAtMost(300, 120)
    seen = []
    for value in values.tolist():
        test.add(value)
        seen.append(test.log_evidence)
    assert np.allclose(seen, evidence(values.astype(float), 120, 0))


def test_a_right_model_never_fails_early_in_a_thousand_orders() -> None:
    worst = -inf
    limit = log(4 / ALPHA)
    small = 5000
    for figure, share in ((TOP1, 37_980), (TOP5, 46_595)):
        right = np.zeros(small)
        right[: round(share / 10)] = 1
        least, most = counts_within(figure, TOLERANCE, small)
        for seed in range(ORDERS):
            values = np.random.default_rng(seed).permutation(right)
            # The last look is at a whole set, whose verdict is not an early one.
            worst = max(worst, outside(values, least, most)[:-1].max())
    assert worst < limit


def test_a_right_model_with_some_rounding_never_fails_against_its_baseline() -> None:
    # Ten near-ties of 5000 flip, five each way; the budget is five more.
    changes = np.zeros(5000)
    changes[:5], changes[5:10] = 1, -1
    for seed in range(ORDERS):
        values = np.random.default_rng(seed).permutation(changes)
        test = NetChange()
        for value in values[values != 0].tolist():
            test.add(int(value))
            assert test.log_evidence < log(2 / ALPHA)
        assert evidence(np.abs(values), 15, 0)[:-1].max() < log(2 / ALPHA)


def test_a_right_model_passes_against_its_baseline_before_the_end() -> None:
    rows = [row(n, 0 if n % 4 else 9) for n in order(1)]
    early = until(AgainstBaseline(rows, max_flips=50, total=TOTAL), rows)
    assert early is not None
    assert early.status == "pass"
    assert early.seen < 15_000
    assert early.alpha == ALPHA


@pytest.mark.parametrize(("top1", "status"), [(37_000, "fail"), (39_000, "fail")])
def test_a_point_or_two_off_either_way_fails_before_the_end(
    top1: int, status: str
) -> None:
    places = ranks(top1, 46_595)
    early = until(published(), [row(n, places[n]) for n in order(5)])
    assert early is not None
    assert early.status == status


def test_hard_bounds_decide_whatever_the_order() -> None:
    # Worst first: not random at all, yet certain once too few remain.
    test = SumAtMost(100, 9)
    for _ in range(9):
        test.add(1)
        assert not test.impossible
    test.add(1)
    assert test.impossible
    assert test.log_evidence == inf


def test_a_verdict_by_arithmetic_says_so_and_risks_nothing() -> None:
    old = [row(n, 0) for n in range(20)]
    new = [row(n, 9) for n in range(20)]
    early = AgainstBaseline(old, max_flips=0, total=20).update(new[:1])
    assert early is not None
    assert early.alpha == 0
    assert "quick, after 1 of 20 pictures" in early.reason
    assert "the remaining pictures cannot change it" in early.reason


def test_the_whole_set_is_no_early_verdict() -> None:
    rows = [row(n, 0) for n in range(20)]
    assert AgainstBaseline(rows, max_flips=0, total=20).update(rows) is None


def test_the_order_is_seeded_and_holds_every_picture_once() -> None:
    from pathlib import Path

    samples = [Sample(str(n), Path(str(n)), 0) for n in range(100)]
    one, two = shuffled(dataset(samples)), shuffled(dataset(samples))
    assert one == two
    assert one.samples != tuple(samples)
    assert sorted(one.samples, key=lambda s: int(s.id)) == samples
    assert shuffled(dataset(samples), seed=1) != one
