"""Counts from the ledger: whole numbers, so that no rounding can hide a picture."""

from __future__ import annotations

from collections.abc import Iterable

from eval.records import Row, Score


def score(rows: Iterable[Row]) -> Score:
    """Top-1 and top-5 counts."""
    n = top1 = top5 = 0
    for row in rows:
        n += 1
        top1 += row.label == row.top5[0]
        top5 += row.label in row.top5
    return Score(n, top1, top5)
