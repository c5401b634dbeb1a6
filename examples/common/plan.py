"""What both frameworks' trainings are told, and what they say while they work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from examples.common.batches import Batches
from examples.common.run_folder import Row
from examples.common.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Plan:
    """A training without its net.

    Attributes:
        train: batches to learn from.
        test: batches to score after each epoch.
        schedule: of the learning rate.
        seed: of whatever the net draws while it learns (dropout).
        quiet: whether to show neither progress nor rows.
    """

    train: Batches
    test: Batches
    schedule: Schedule
    seed: int = 0
    quiet: bool = False

    @property
    def epochs(self) -> int:
        """Of the whole training."""
        return self.schedule.epochs

    def rate(self, epoch: int, step: int) -> float:
        """The learning rate of a step of an epoch, both from 0."""
        return self.schedule.at(epoch * len(self.train) + step)

    def bar(self, epoch: int) -> tqdm[Any]:
        """The progress of an epoch; nothing where nobody looks."""
        return tqdm(
            total=len(self.train),
            desc=f"epoch {epoch + 1}/{self.epochs}",
            unit="batch",
            leave=False,
            disable=True if self.quiet else None,
        )

    def say(self, row: Row) -> None:
        """Print what an epoch gave."""
        if not self.quiet:
            print(
                f"epoch {row.epoch}/{self.epochs}  lr {row.lr:.2e}  "
                f"train {row.train_loss:.3f} {row.train_top1:.1f} %  "
                f"test {row.test_loss:.3f} {row.test_top1:.1f} % "
                f"(top-5 {row.test_top5:.1f} %)  {row.seconds:.1f} s",
                flush=True,
            )
