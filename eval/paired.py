"""The records of two runs held against each other, picture by picture.

Shared by the comparison, the gate and the reports; no stage owns them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

# "moved": another class, and both wrong.
FlipKind: TypeAlias = Literal["broken", "mended", "moved"]
BaselineStatus: TypeAlias = Literal["pass", "fail"]


@dataclass(frozen=True, slots=True)
class Flip:
    """A picture whose first class is another one.

    Attributes:
        id: of the picture.
        label: its class index.
        old: the first class before.
        new: the first class now.
        old_margin: how far the old class was ahead of the second, before.
        new_margin: how far the new class is ahead of the second, now.
        near_tie: whether rounding decides between the two classes, in both runs.
        kind: right before and wrong now, the reverse, or wrong both times.
    """

    id: str
    label: int
    old: int
    new: int
    old_margin: float
    new_margin: float
    near_tie: bool
    kind: FlipKind


@dataclass(frozen=True, slots=True)
class Paired:
    """How right and wrong answers of two runs fall together.

    Attributes:
        n: pictures.
        both_right: right in both.
        only_old: right before alone: broken since.
        only_new: right now alone: mended since.
        both_wrong: wrong in both.
        interval: 95 % interval of `net_change`, percentage points.
        p_value: exact McNemar test of "no net change", two-sided.
    """

    n: int
    both_right: int
    only_old: int
    only_new: int
    both_wrong: int
    interval: tuple[float, float]
    p_value: float

    @property
    def net_change(self) -> float:
        """New minus old top-1 accuracy, percentage points."""
        return 100 * (self.only_new - self.only_old) / self.n


@dataclass(frozen=True, slots=True)
class LogitDifference:
    """Logits of the classes that are among both runs' five best, new against old.

    Attributes:
        values: logits compared.
        largest: largest difference, relative to the picture's largest logit.
        median: of the pictures' largest differences, relative likewise.
        picture: whose difference is the largest.
    """

    values: int
    largest: float
    median: float
    picture: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two runs over the same pictures.

    Attributes:
        top1: right and wrong first classes.
        top5: the same for the five best.
        flips: pictures with another first class, in the new run's order.
        same_top5: pictures with the same five classes in the same order.
        other_files: pictures whose files' digests differ; the first few ids.
        other_files_count: how many.
        logits: None if no class is shared.
        old_right: top-1 counts of the old run.
        new_right: top-1 counts of the new run.
        old_wilson: 95 % interval of the old top-1, percent; for reporting only.
        new_wilson: the same of the new.
    """

    top1: Paired
    top5: Paired
    flips: tuple[Flip, ...]
    same_top5: int
    other_files: tuple[str, ...]
    other_files_count: int
    logits: LogitDifference | None
    old_right: int
    new_right: int
    old_wilson: tuple[float, float]
    new_wilson: tuple[float, float]

    @property
    def n(self) -> int:
        """Pictures compared."""
        return self.top1.n

    @property
    def agreement(self) -> float:
        """Share of pictures with the same first class."""
        return 1 - len(self.flips) / self.n


@dataclass(frozen=True, slots=True)
class BaselineVerdict:
    """The answer against a baseline, and the numbers that it was made from.

    Attributes:
        status: pass or fail.
        reason: one sentence.
        max_flips: the budget.
        compared: everything else.
    """

    status: BaselineStatus
    reason: str
    max_flips: int
    compared: Compared
