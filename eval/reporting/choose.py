"""Which pictures a report shows: the most confidently wrong, or those that changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp
from typing import Any

from eval.paired import Flip
from eval.records import Row

SHOWN = 24
_ORDER = ("broken", "mended", "moved")


def worst(rows: Iterable[Row], *, shown: int = SHOWN) -> dict[str, Any]:
    """The wrong answers, the most confident first; equal ones by id."""
    wrong = [row for row in rows if row.rank]
    wrong.sort(key=lambda row: (row.log_sum_exp - row.logits[0], row.id))
    return {
        "kind": "worst",
        "total": len(wrong),
        "shown": [_picture(row) for row in wrong[:shown]],
    }


def flipped(
    flips: Iterable[Flip], rows: Iterable[Row], *, shown: int = SHOWN
) -> dict[str, Any]:
    """The pictures of another first class than before, the broken ones first."""
    by_id: Mapping[str, Row] = {row.id: row for row in rows}
    kept = sorted(
        flips,
        key=lambda flip: (_ORDER.index(flip.kind), -flip.new_margin, flip.id),
    )
    return {
        "kind": "flipped",
        "total": len(kept),
        "shown": [_picture(by_id[flip.id], flip) for flip in kept[:shown]],
    }


def _picture(row: Row, flip: Flip | None = None) -> dict[str, Any]:
    return {
        "id": row.id,
        "digest": row.digest,
        "label": row.label,
        "predicted": row.top5[0],
        "before": flip.old if flip else None,
        "change": flip.kind if flip else None,
        "confidence": min(1.0, exp(row.logits[0] - row.log_sum_exp)),
        "label_probability": min(1.0, exp(row.label_logit - row.log_sum_exp)),
        "rank": row.rank,
    }
