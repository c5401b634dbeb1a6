"""Rows turned into columns once, so that every score is a line of array arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from eval.records import Row
from ppim_port.errors import DatasetError

Whole: TypeAlias = NDArray[np.int64]
Truth: TypeAlias = NDArray[np.bool_]
Real: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Columns:
    """A ledger by columns, each `[N]`.

    Attributes:
        labels: class indices.
        predicted: the class of the largest logit; the lower index on a tie.
        in_top5: whether the label is among the five largest.
        log_confidence: log-probability of the predicted class, nats, at most 0.
        log_label: log-probability of the label, nats, at most 0.
    """

    labels: Whole
    predicted: Whole
    in_top5: Truth
    log_confidence: Real
    log_label: Real

    @property
    def correct(self) -> Truth:
        """Whether the label has the largest logit."""
        return np.equal(self.labels, self.predicted)

    @property
    def confidence(self) -> Real:
        """Probability of the predicted class, 0 to 1."""
        return np.exp(self.log_confidence)

    def __len__(self) -> int:
        return len(self.labels)


def columns(rows: Iterable[Row]) -> Columns:
    """The columns of a ledger.

    Raises:
        DatasetError: there is no row.
    """
    kept = list(rows)
    if not kept:
        message = "The ledger holds no picture, so there is nothing to score."
        raise DatasetError(message)
    log_sum = np.array([row.log_sum_exp for row in kept])
    best = np.array([row.logits[0] for row in kept])
    own = np.array([row.label_logit for row in kept])
    return Columns(
        labels=np.array([row.label for row in kept], np.int64),
        predicted=np.array([row.top5[0] for row in kept], np.int64),
        in_top5=np.array([row.label in row.top5 for row in kept], np.bool_),
        # The sum is rounded: it may lie a last bit below its only large term.
        log_confidence=np.minimum(best - log_sum, 0.0),
        log_label=np.minimum(own - log_sum, 0.0),
    )
