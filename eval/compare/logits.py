"""How far apart the logits are, of the classes that both runs kept."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from eval.compare.matching import Pair
from eval.paired import LogitDifference


def logit_difference(pairs: Sequence[Pair]) -> LogitDifference | None:
    """Differences relative to the largest magnitude of the old picture's five.

    Classes that only one run has among its five best are left out: their other logit
    is not in the ledger.
    """
    values = 0
    worst: list[tuple[float, str]] = []
    for old, new in pairs:
        before = dict(zip(old.top5, old.logits, strict=True))
        now = dict(zip(new.top5, new.logits, strict=True))
        shared = before.keys() & now.keys()
        if not shared:
            continue
        values += len(shared)
        scale = max(max(map(abs, old.logits)), 1e-30)
        difference = max(abs(before[index] - now[index]) for index in shared)
        worst.append((difference / scale, new.id))
    if not worst:
        return None
    largest, picture = max(worst)
    return LogitDifference(values, largest, median(d for d, _ in worst), picture)
