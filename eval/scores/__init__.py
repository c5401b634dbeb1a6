"""Every score of a run, from its rows alone: no model, no pictures, no order.

Refuses a run without pictures, because a mean of nothing is no number. What a row does
not hold is not scored: only five logits are kept, so a ledger cannot be restricted to a
subset of classes afterwards (see `eval.protocols`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from eval.cifar_sets import set_of_id
from eval.records import Row
from eval.scores.calibration import calibration
from eval.scores.classes import per_class
from eval.scores.columns import Columns, columns
from eval.scores.likelihood import likelihood
from eval.scores.real import RealLabels, load_real, real_score
from eval.scores.risk import risk_coverage
from eval.scores.superclasses import superclass_confusion
from eval.scores.top import top_counts

__all__ = ["Columns", "all_scores", "columns", "load_real"]


def all_scores(
    rows: Iterable[Row], *, real: RealLabels | None = None
) -> dict[str, Any]:
    """All scores as JSON values; `docs/evaluation.md` explains each number.

    Args:
        rows: at least one.
        real: reassessed labels; without them `real` is None.

    Raises:
        DatasetError: no rows, or the reassessed labels belong to other pictures.
    """
    kept = list(rows)
    table = columns(kept)
    return {
        "summary": _plain(top_counts(table)),
        "likelihood": _plain(likelihood(table)),
        "calibration": _plain(calibration(table)),
        "risk_coverage": _plain(risk_coverage(table)),
        "real": None if real is None else _plain(real_score(kept, real)),
        "classes": [_plain(each) for each in per_class(table)],
        # Indices of CIFAR's classes would pass for ImageNet's.
        "superclasses": None
        if set_of_id(kept[0].id)
        else _optional(superclass_confusion(table)),
    }


def _optional(record: Any) -> Any:
    return None if record is None else _plain(record)


def _plain(record: Any) -> Any:
    """A record as JSON has it: objects and lists, no tuples."""
    return _lists(asdict(record))


def _lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _lists(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_lists(item) for item in value]
    return value
