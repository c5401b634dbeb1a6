"""Accuracy class by class, and what each class is taken for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eval.scores.columns import Columns


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class that the labels hold.

    Attributes:
        index: of the class.
        n: pictures of it.
        correct: of them right.
        top5_correct: of them with the label among the five largest logits.
        accuracy: top-1, percent.
        predicted: pictures of any class that were taken for it.
        confused_with: the class that its wrong answers name most often, the lower
            index on a tie; None if none is wrong.
        confused: how often.
    """

    index: int
    n: int
    correct: int
    top5_correct: int
    accuracy: float
    predicted: int
    confused_with: int | None
    confused: int


def per_class(table: Columns) -> tuple[ClassScore, ...]:
    """A score for each class among the labels, in the order of the indices."""
    return tuple(_scores(table))


def _scores(table: Columns) -> Iterator[ClassScore]:
    # By class once: a mask a class would read 50,000 rows a thousand times.
    order = np.argsort(table.labels, kind="stable")
    indices, begins = np.unique(table.labels[order], return_index=True)
    size = int(max(table.labels.max(), table.predicted.max())) + 1
    predicted = np.bincount(table.predicted, minlength=size)
    for index, part in zip(indices, np.split(order, begins[1:]), strict=True):
        correct = int(table.correct[part].sum())
        wrong = table.predicted[part][~table.correct[part]]
        counts = np.bincount(wrong, minlength=size)
        worst = int(counts.argmax())
        yield ClassScore(
            index=int(index),
            n=len(part),
            correct=correct,
            top5_correct=int(table.in_top5[part].sum()),
            accuracy=100 * correct / len(part),
            predicted=int(predicted[index]),
            confused_with=worst if len(wrong) else None,
            confused=int(counts[worst]),
        )
