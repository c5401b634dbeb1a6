"""Calibration: of the pictures that the net is 80 % sure of, are 80 % right?

Fifteen bins of equal width, as in Guo et al., "On Calibration of Modern Neural
Networks" (ICML 2017): a confidence on an edge falls into the lower bin. An empty bin
has no accuracy, which is None and not 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.scores.columns import Columns

BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """The pictures whose confidence c has low < c <= high (the first: low <= c).

    Attributes:
        low: lower edge, 0 to 1.
        high: upper edge.
        n: pictures.
        correct: of them right.
        accuracy: 0 to 1; None in an empty bin.
        confidence: mean, 0 to 1; None in an empty bin.
    """

    low: float
    high: float
    n: int
    correct: int
    accuracy: float | None
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """The reliability table and its summaries, all 0 to 1.

    Attributes:
        ece: expected calibration error: gaps between accuracy and mean confidence,
            weighted with the bins' pictures.
        mce: the largest gap of a bin that is not empty.
        mean_confidence: over all pictures.
        bins: from the least to the most confident.
    """

    ece: float
    mce: float
    mean_confidence: float
    bins: tuple[Bin, ...]


def calibration(table: Columns, *, bins: int = BINS) -> Calibration:
    """The reliability table of the top-1 probabilities."""
    confidence, correct = table.confidence, table.correct
    edges = np.arange(1, bins + 1) / bins
    place = np.searchsorted(edges, confidence, side="left")
    counts = np.bincount(place, minlength=bins)
    right = np.bincount(place[correct], minlength=bins)
    sums = np.bincount(place, weights=confidence, minlength=bins)
    found = tuple(
        _bin(index, bins, int(counts[index]), int(right[index]), float(sums[index]))
        for index in range(bins)
    )
    gaps = np.abs(right - sums)
    filled = counts > 0
    return Calibration(
        ece=float(gaps.sum() / len(table)),
        mce=float((gaps[filled] / counts[filled]).max()),
        mean_confidence=float(confidence.mean()),
        bins=found,
    )


def _bin(index: int, bins: int, n: int, correct: int, total: float) -> Bin:
    return Bin(
        low=index / bins,
        high=(index + 1) / bins,
        n=n,
        correct=correct,
        accuracy=correct / n if n else None,
        confidence=total / n if n else None,
    )
