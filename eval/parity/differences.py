"""The logits of two nets, picture by picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ppim_port.state_dict import Array

# Upper ends of the histogram's bins, powers of ten of the relative difference.
HISTOGRAM = (0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, float("inf"))
# float32 logits of a right port are within 2e-5 of each other (torch 2.13.0 against
# paddlepaddle 3.3.1, measured on 250 pictures); a wrong one is at 1e-2 and more.
LIMIT = 1e-3
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Parity:
    """What two nets made of the same arrays.

    Attributes:
        n: pictures.
        histogram: pictures whose largest difference, relative to the row's largest
            logit, is at most the bin's end and above the one before.
        largest: of these differences.
        median: of these differences.
        worst: the picture of the largest.
        agree: pictures with the same first class.
        near_ties: pictures with another first class that rounding decides.
        disagree: pictures with another first class that it does not; their ids.
        same_top5: pictures with the same five classes in the same order.
        within: whether no difference is above 1e-3 and none disagrees.
    """

    n: int
    histogram: tuple[int, ...]
    largest: float
    median: float
    worst: str
    agree: int
    near_ties: tuple[str, ...]
    disagree: tuple[str, ...]
    same_top5: int

    @property
    def within(self) -> bool:
        """Whether this is one net in two frameworks. NaN never is."""
        return self.largest <= LIMIT and not self.disagree


@dataclass(slots=True)
class Watch:
    """Collects batches; keeps a number or two a picture and no logits."""

    ids: list[str] = field(default_factory=list)
    off: list[float] = field(default_factory=list)
    same: list[bool] = field(default_factory=list)
    tied: list[bool] = field(default_factory=list)
    top5: int = 0

    def add(self, ids: Sequence[str], first: Array, second: Array) -> None:
        """Take note of a batch: logits `[N, classes]` of each net."""
        scale = np.maximum(np.abs(first).max(axis=1), np.float32(1e-30))
        off = np.abs(first - second).max(axis=1) / scale
        best, other = first.argmax(axis=1), second.argmax(axis=1)
        rows = np.arange(len(first))
        # Both nets' gaps between the two classes: a flip needs them to sum up to no
        # more than the two logits moved.
        gap = (first[rows, best] - first[rows, other]) + (
            second[rows, other] - second[rows, best]
        )
        self.ids += ids
        self.off += [float(value) for value in off]
        self.same += (best == other).tolist()
        self.tied += (gap <= 2 * LIMIT * scale).tolist()
        order = [np.argsort(-x, axis=1, kind="stable")[:, :5] for x in (first, second)]
        self.top5 += int((order[0] == order[1]).all(axis=1).sum())


def parity(watch: Watch) -> Parity:
    """The report of all batches."""
    off = np.array(watch.off)
    clean = np.where(np.isfinite(off), off, np.inf)
    bins = np.searchsorted(HISTOGRAM, clean, side="left")
    flips = [i for i, same in enumerate(watch.same) if not same]
    worst = int(clean.argmax())
    return Parity(
        n=len(off),
        histogram=tuple(np.bincount(bins, minlength=len(HISTOGRAM)).tolist()),
        largest=float(clean[worst]),
        median=float(np.median(clean)),
        worst=watch.ids[worst],
        agree=sum(watch.same),
        near_ties=tuple(watch.ids[i] for i in flips if watch.tied[i]),
        disagree=tuple(watch.ids[i] for i in flips if not watch.tied[i]),
        same_top5=watch.top5,
    )
