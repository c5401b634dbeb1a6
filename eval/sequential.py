"""A verdict as soon as it is certain: pictures in random order, tested as they come.

Two kinds of certainty, and the verdict says which it is. *Arithmetic*: whatever the
pictures that remain turn out to be, the verdict stays. *Statistical*: a bet against a
hypothesis about the whole set has multiplied its stake by 1/alpha; by Ville's
inequality (1939) a true hypothesis lets that ever happen with probability at most
alpha, however often one looks.

The bets are those of Waudby-Smith and Ramdas ("Estimating means of bounded random
variables by betting", JRSS B 86, 2024, sampling without replacement): before each
picture a share of the stake is put on it being above the mean that the remaining
pictures must have if the hypothesis is true. Net change is tested on the pictures that
went from right to wrong or back, by the beta mixture of Robbins (Ann. Math. Statist.
41, 1970); it stays valid without replacement, since it bets on the side that is ahead,
and a balanced set has then more of the other left.

Valid only for a random order: `eval.order.shuffled` makes it; its seed is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import exp, inf, lgamma, log
from typing import Any, Literal

import numpy as np

from eval.order import SEED
from eval.records import Row

# A right run fails early once in this many runs at most, and a wrong one passes.
ALPHA = 1e-4
# Shares of the stake. Each is best for one truth; their mean is nearly as good as the
# best of them, at a cost of a factor of nine once.
_SHARES = np.array([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9])
_PRIOR = 0.5


@dataclass(frozen=True, slots=True)
class Early:
    """A verdict before the last picture.

    Attributes:
        status: pass or fail.
        reason: one sentence.
        seen: pictures that it took.
        total: pictures of the set.
        alpha: chance of a wrong early verdict, at most; 0 if it is arithmetic.
        seed: of the order.
        within: least and most right answers of the whole set that pass, top-1 and
            top-5; None against a baseline.
    """

    status: Literal["pass", "fail"]
    reason: str
    seen: int
    total: int
    alpha: float
    seed: int = SEED
    within: tuple[tuple[int, int], tuple[int, int]] | None = None

    def as_object(self) -> dict[str, Any]:
        """How it came about, for machines; status and reason are the result's."""
        names = ("seen", "total", "alpha", "seed")
        told: dict[str, Any] = {name: getattr(self, name) for name in names}
        if self.within:
            told["within"] = [list(bounds) for bounds in self.within]
        return told


class SumAtMost:
    """Evidence against "the values of all pictures sum up to `bound` or less".

    Args:
        total: pictures of the set.
        bound: of the sum.
        low: no value is below it.
        high: no value is above it.
    """

    def __init__(
        self, total: int, bound: float, *, low: float = 0, high: float = 1
    ) -> None:
        self._left, self._room = total, float(bound)
        self._low, self._high = low, high
        self._stakes = np.full(len(_SHARES), -log(len(_SHARES)))

    @property
    def impossible(self) -> bool:
        """Whether the sum is above the bound whatever remains."""
        return self._left * self._low > self._room

    @property
    def log_evidence(self) -> float:
        """Log of what a stake of 1 has become; infinite if `impossible`."""
        return inf if self.impossible else float(np.logaddexp.reduce(self._stakes))

    def add(self, value: float) -> None:
        """Take note of one more picture's value."""
        mean = self._room / self._left
        if self._low < mean < self._high:
            bets = _SHARES * (value - mean) / (mean - self._low)
            self._stakes += np.log1p(bets)
        self._left -= 1
        self._room -= value


class NetChange:
    """Evidence against "as many pictures were mended as were broken"."""

    def __init__(self) -> None:
        self._mended = self._broken = 0

    @property
    def log_evidence(self) -> float:
        """Log of the beta mixture's likelihood ratio against an even chance."""
        mended, broken = self._mended, self._broken
        return (
            _log_beta(mended + _PRIOR, broken + _PRIOR)
            - _log_beta(_PRIOR, _PRIOR)
            + (mended + broken) * log(2)
        )

    def add(self, change: int) -> None:
        """Take note of a picture: 1 mended, -1 broken, 0 neither."""
        self._mended += change > 0
        self._broken += change < 0


class SumWithin:
    """Is the sum of all pictures' values within `[least, most]`? Whole numbers only."""

    def __init__(self, total: int, least: int, most: int) -> None:
        self._above = SumAtMost(total, most)
        self._below = SumAtMost(total, -least, low=-1, high=0)
        self._not_above = SumAtMost(total, -(most + 1), low=-1, high=0)
        self._not_below = SumAtMost(total, least - 1)
        self._free_below, self._free_above = least <= 0, most >= total

    def add(self, value: int) -> None:
        """Take note of one more picture: 1 or 0."""
        for test, sign in (
            (self._above, 1),
            (self._below, -1),
            (self._not_above, -1),
            (self._not_below, 1),
        ):
            test.add(sign * value)

    @property
    def outside(self) -> float:
        """Log evidence that it is not."""
        return max(self._above.log_evidence, self._below.log_evidence)

    @property
    def inside(self) -> float:
        """Log evidence that it is."""
        above = inf if self._free_above else self._not_above.log_evidence
        below = inf if self._free_below else self._not_below.log_evidence
        return min(above, below)


class AgainstPublished:
    """Looks at top-1 and top-5 counts until they are certain.

    Args:
        total: pictures of the whole set.
        top1: least and most right answers that pass.
        top5: the same for the five best.
        source: who published, for the reason.
        alpha: chance of a wrong early verdict, at most.
    """

    def __init__(
        self,
        total: int,
        top1: tuple[int, int],
        top5: tuple[int, int],
        *,
        source: str,
        alpha: float = ALPHA,
    ) -> None:
        self._total, self._source, self._alpha = total, source, alpha
        self._within = top1, top5
        self._tests = (SumWithin(total, *top1), SumWithin(total, *top5))
        self._seen = 0

    def update(self, rows: Iterable[Row]) -> Early | None:
        """Take note of a batch; the verdict as soon as there is one."""
        for row in rows:
            self._seen += 1
            self._tests[0].add(int(row.label == row.top5[0]))
            self._tests[1].add(int(row.label in row.top5))
        if self._seen >= self._total:
            return None
        outside = max(test.outside for test in self._tests)
        inside = min(test.inside for test in self._tests)
        # Four hypotheses share alpha: any of them, rejected, is a fail.
        if outside >= log(4 / self._alpha):
            return self._early("fail", "outside the tolerance of", outside)
        if inside >= log(1 / self._alpha):
            return self._early("pass", "within the tolerance of", inside)
        return None

    def _early(
        self, status: Literal["pass", "fail"], what: str, evidence: float
    ) -> Early:
        text = f"the whole set will be {what} {self._source}"
        found = _early(status, text, evidence, self._seen, self._total, self._alpha)
        return replace(found, within=self._within)


class AgainstBaseline:
    """Looks at flips and net change until they are certain.

    Args:
        baseline: the baseline's rows.
        max_flips: the budget for the whole set.
        total: pictures of the whole set.
        alpha: chance of a wrong early verdict, at most.
    """

    def __init__(
        self,
        baseline: Sequence[Row],
        *,
        max_flips: int,
        total: int,
        alpha: float = ALPHA,
    ) -> None:
        self._old = {row.id: row for row in baseline}
        self._total, self._budget, self._alpha = total, max_flips, alpha
        self._flips = SumWithin(total, 0, max_flips)
        self._net = NetChange()
        self._seen = 0

    def update(self, rows: Iterable[Row]) -> Early | None:
        """Take note of a batch; the verdict as soon as there is one."""
        for row in rows:
            old = self._old[row.id]
            self._seen += 1
            self._flips.add(int(row.top5[0] != old.top5[0]))
            self._net.add((row.rank == 0) - (old.rank == 0))
        if self._seen >= self._total:
            return None
        limit = log(2 / self._alpha)
        if (flips := self._flips.outside) >= limit:
            text = f"more than {self._budget} flips against the baseline"
        elif (flips := self._net.log_evidence) >= limit:
            text = "the net change against the baseline is not zero"
        elif (flips := self._flips.inside) >= log(1 / self._alpha):
            text = f"at most {self._budget} flips against the baseline"
            return self._early("pass", text, flips)
        else:
            return None
        return self._early("fail", text, flips)

    def _early(
        self, status: Literal["pass", "fail"], text: str, evidence: float
    ) -> Early:
        return _early(status, text, evidence, self._seen, self._total, self._alpha)


def _early(
    status: Literal["pass", "fail"],
    text: str,
    evidence: float,
    seen: int,
    total: int,
    alpha: float,
) -> Early:
    sure = evidence == inf
    how = (
        "the remaining pictures cannot change it"
        if sure
        else f"odds of {exp(min(evidence, 700)):.2g} to 1 against the contrary, in a "
        f"random order; wrong once in {1 / alpha:,.0f} runs at most"
    )
    reason = f"quick, after {seen:,} of {total:,} pictures: {text}: {how}"
    return Early(status, reason, seen, total, 0.0 if sure else alpha)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
