"""Risk-coverage: how wrong the net is where it is sure enough to answer.

Pictures are answered from the most confident to the least; the risk at a coverage is
the share of wrong answers among those given (Geifman and El-Yaniv, NeurIPS 2017).
Pictures of equal confidence have no order: their errors are spread evenly over the
tie, which is the expectation over all orders, so no file name decides a number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.scores.columns import Columns, Real, Truth

COVERAGES = tuple(percent / 100 for percent in range(5, 101, 5))


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the curve.

    Attributes:
        coverage: share of the pictures that are answered, 0 to 1: the one asked for,
            rounded up to whole pictures.
        risk: share of wrong answers among them, 0 to 1.
    """

    coverage: float
    risk: float


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The curve and its area.

    Attributes:
        aurc: mean risk over all coverages 1/n, 2/n, ... 1; 0 to 1, lower is better.
        aurc_best: what the same accuracy could reach if every error were less
            confident than every right answer.
        points: at every twentieth of the pictures.
    """

    aurc: float
    aurc_best: float
    points: tuple[Point, ...]


def risk_coverage(table: Columns) -> RiskCoverage:
    """The risk-coverage curve by the top-1 log-probability."""
    n = len(table)
    risks = _risks(table.log_confidence, ~table.correct)
    wrong = n - int(table.correct.sum())
    answered = np.arange(1, n + 1)
    best = np.maximum(answered - (n - wrong), 0) / answered
    # Rounded first: 0.35 * 20 is a last bit above 7.
    places = [int(np.ceil(round(part * n, 6))) for part in COVERAGES]
    points = (Point(place / n, float(risks[place - 1])) for place in places)
    return RiskCoverage(float(risks.mean()), float(best.mean()), tuple(points))


def _risks(sureness: Real, wrong: Truth) -> Real:
    """The risk after 1, 2, ... n answers, `[n]`, in expectation over ties."""
    _, group = np.unique(-sureness, return_inverse=True)
    sizes = np.bincount(group)
    errors = np.bincount(group, weights=wrong)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    total = np.concatenate([[0.0], np.cumsum(errors)])
    answered = np.arange(1, len(sureness) + 1)
    risks: Real = np.interp(answered, ends, total) / answered
    return risks
