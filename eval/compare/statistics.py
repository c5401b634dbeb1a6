"""Tests and intervals for counts of right answers, paired and not.

McNemar's test in its exact form asks whether, of the pictures that changed between
right and wrong, as many were mended as broken. The interval beside it is Tango's score
interval for the difference of paired proportions (Statistics in Medicine 17, 1998),
which holds its level also when hardly anything changed, where Wald's collapses to zero
width. Wilson's interval is for showing one accuracy, never for comparing two.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from math import sqrt
from statistics import NormalDist

from ppim_port.errors import MissingPackageError

LEVEL = 0.95
_HALVINGS = 60
_SCIPY = ("scipy", "report")


def mcnemar(only_old: int, only_new: int) -> float:
    """Two-sided exact p-value of "as many mended as broken".

    Raises:
        MissingPackageError: scipy is not installed.
    """
    if find_spec("scipy") is None:
        raise MissingPackageError(*_SCIPY)
    from scipy.stats import binomtest

    changed = only_old + only_new
    return float(binomtest(only_new, changed, 0.5).pvalue) if changed else 1.0


def paired_interval(
    gained: int, lost: int, n: int, *, level: float = LEVEL
) -> tuple[float, float]:
    """Tango's interval of (gained - lost) / n, as proportions."""
    z = _quantile(level)
    middle = (gained - lost) / n
    low = _crossing(lambda d: _score(gained, lost, n, d) - z, -1.0, middle)
    high = _crossing(lambda d: _score(gained, lost, n, d) + z, middle, 1.0)
    return low, high


def wilson(right: int, n: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's interval of right / n, in percent."""
    z = _quantile(level)
    share, square = right / n, z * z / n
    centre = share + square / 2
    spread = z * sqrt(share * (1 - share) / n + square / (4 * n))
    low, high = (centre - spread) / (1 + square), (centre + spread) / (1 + square)
    return 100 * max(low, 0.0), 100 * min(high, 1.0)


def _quantile(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)


def _score(gained: int, lost: int, n: int, difference: float) -> float:
    """Tango's score statistic: falls as the assumed difference grows."""
    b = (2 * n - gained + lost) * difference - gained - lost
    c = -lost * difference * (1 - difference)
    share = (sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    distance = gained - lost - n * difference
    if variance <= 0:
        return float("inf") if distance > 0 else -float("inf") if distance < 0 else 0.0
    return distance / sqrt(variance)


def _crossing(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function passes zero, by halving."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if function(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
