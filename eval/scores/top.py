"""Top-1 and top-5: whole numbers, divided once."""

from __future__ import annotations

from dataclasses import dataclass

from eval.scores.columns import Columns


@dataclass(frozen=True, slots=True)
class TopCounts:
    """Counts and percentages.

    Attributes:
        n: pictures.
        top1_correct: whose label has the largest logit.
        top5_correct: whose label is among the five largest.
        top1: percent.
        top5: percent.
    """

    n: int
    top1_correct: int
    top5_correct: int
    top1: float
    top5: float


def top_counts(table: Columns) -> TopCounts:
    """Count, then divide once."""
    n, top1, top5 = len(table), int(table.correct.sum()), int(table.in_top5.sum())
    return TopCounts(n, top1, top5, 100 * top1 / n, 100 * top5 / n)
