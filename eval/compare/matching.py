"""Rows of two runs are paired by id, or the runs are refused with what differs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from eval.records import Row
from ppim_port.errors import DatasetError

Pair: TypeAlias = tuple[Row, Row]
SHOWN = 5


def matched(old: Iterable[Row], new: Iterable[Row], *, partly: bool) -> list[Pair]:
    """Pairs (old, new) in the new run's order.

    Raises:
        DatasetError: not the same ids, each with the same label.
    """
    before = {row.id: row for row in old}
    now = {row.id: row for row in new}
    problems = []
    if lost := [name for name in before if name not in now and not partly]:
        problems.append(f"{len(lost):,} only in the first: {_some(lost)}")
    if added := [name for name in now if name not in before]:
        problems.append(f"{len(added):,} only in the second: {_some(added)}")
    pairs = [(before[name], row) for name, row in now.items() if name in before]
    if other := [_labels(a, b) for a, b in pairs if a.label != b.label]:
        problems.append(f"{len(other):,} with another label: {_some(other)}")
    if problems or not pairs:
        text = "; ".join(problems) or "one of them holds no picture"
        message = (
            f"The two runs are not over the same labelled pictures: {text}. Nothing "
            "was compared. Evaluate both over one data set."
        )
        raise DatasetError(message)
    return pairs


def _labels(old: Row, new: Row) -> str:
    return f"{old.id} ({old.label} then {new.label})"


def _some(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
