"""ReaL accuracy: the first class against all labels that people found fitting.

Labels are those of google-research/reassessed-imagenet (Beyer et al., "Are we done with
ImageNet?", 2020): 50,000 lists in the order of the file names, of which 3,163 are empty
and leave their pictures out, so n is 46,837 on the whole set. The first list belongs to
ILSVRC2012_val_00000001: pictures are found by that number, whatever folder they are in.
Refused: ids without the number, because a guess would shift every label after it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from eval.records import Row
from ppim_port.errors import DatasetError

RealLabels: TypeAlias = tuple[frozenset[int], ...]

PICTURES = 50_000
_CLASSES = 1000
_NUMBER = re.compile(r"ILSVRC2012_val_(\d{8})(?:\.[^./]*)?\Z")


@dataclass(frozen=True, slots=True)
class RealScore:
    """Accuracy against reassessed labels.

    Attributes:
        n: pictures with at least one reassessed label.
        correct: whose first class is one of them.
        accuracy: percent; None if no picture has a label.
        unlabelled: pictures that people found no label for; they do not count.
    """

    n: int
    correct: int
    accuracy: float | None
    unlabelled: int


def load_real(path: Path) -> RealLabels:
    """Read `real.json`.

    Raises:
        DatasetError: it cannot be read, or is not 50,000 lists of class indices.
    """
    try:
        lists = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        message = f"{path}: the ReaL labels cannot be read: {why}."
        raise DatasetError(message) from error
    if not isinstance(lists, list) or len(lists) != PICTURES:
        got = f"{len(lists):,}" if isinstance(lists, list) else "no list"
        message = (
            f"{path}: not ReaL labels: expected {PICTURES:,} lists, one a validation "
            f"picture, got {got}. Use real.json of google-research/reassessed-imagenet."
        )
        raise DatasetError(message)
    for number, labels in enumerate(lists, start=1):
        _check(path, number, labels)
    return tuple(frozenset(labels) for labels in lists)


def _check(path: Path, number: int, labels: Any) -> None:
    good = isinstance(labels, list) and all(
        type(label) is int and 0 <= label < _CLASSES for label in labels
    )
    if not good:
        message = (
            f"{path}: list {number:,} is not one of class indices from 0 to "
            f"{_CLASSES - 1}: {str(labels)[:60]!r}."
        )
        raise DatasetError(message)


def real_score(rows: Iterable[Row], real: RealLabels) -> RealScore:
    """Hold each picture's first class against its reassessed labels.

    Raises:
        DatasetError: an id that is not a validation picture's.
    """
    n = correct = unlabelled = 0
    for row in rows:
        labels = real[_number(row.id) - 1]
        n += bool(labels)
        unlabelled += not labels
        correct += row.top5[0] in labels
    return RealScore(n, correct, 100 * correct / n if n else None, unlabelled)


def _number(name: str) -> int:
    found = _NUMBER.search(name)
    number = int(found[1]) if found else 0
    if not 1 <= number <= PICTURES:
        message = (
            f"{name!r}: has no reassessed labels: they belong to "
            "ILSVRC2012_val_00000001 to 00050000. Leave the ReaL labels away."
        )
        raise DatasetError(message)
    return number
