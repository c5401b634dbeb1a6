"""Near-ties: pictures whose place in the counts is a matter of rounding.

They are counted as they came out, and listed, because another machine or framework may
count them otherwise without anybody being wrong.
"""

from __future__ import annotations

from collections.abc import Iterable

from eval.records import Row


def near_ties(rows: Iterable[Row], within: float) -> list[str]:
    """Ids of pictures whose counts hang on less than `within`.

    Those where the first and second logit, or the label's logit and the first or the
    fifth, differ by `within` or less: another machine may order them otherwise.

    Args:
        rows: of a ledger.
        within: in units of logits; 0 gives the exact ties alone.
    """
    return [row.id for row in rows if _closest(row) <= within]


def _closest(row: Row) -> float:
    gaps = [abs(row.logits[0] - logit) for logit in row.logits[1:2]]
    if row.rank > 0:
        gaps.append(row.logits[0] - row.label_logit)
    if row.rank >= len(row.logits):
        gaps.append(row.logits[-1] - row.label_logit)
    return min(gaps, default=float("inf"))
