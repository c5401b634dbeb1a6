"""The learning rate as a pure function of the step: one for both frameworks.

A schedule that is a function has no state, so there is none to save, to restore, or to
get wrong between the two frameworks' schedulers, which count differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi
from typing import Literal


@dataclass(frozen=True, slots=True)
class Schedule:
    """Linear warm-up by steps, then a decay by epochs.

    Attributes:
        lr: learning rate after the warm-up.
        epochs: of the whole training.
        steps_per_epoch: batches of an epoch.
        warmup_steps: over which the rate rises from 0.
        decay: "cosine" to 0, "steps", or "none".
        milestones: of "steps": epochs at which the rate is multiplied by `gamma`.
        gamma: see `milestones`.
    """

    lr: float
    epochs: int
    steps_per_epoch: int
    warmup_steps: int = 0
    decay: Literal["cosine", "steps", "none"] = "cosine"
    milestones: tuple[int, ...] = ()
    gamma: float = 0.2

    def at(self, step: int) -> float:
        """The learning rate of a step, counted from 0 over the whole training.

        The cosine counts whole epochs since the one in which the warm-up ended, over
        all epochs, as paddle.optimizer.lr.LinearWarmup around a CosineAnnealingDecay
        does, stepped by the batch while warming up and by the epoch from then on.
        """
        if step < self.warmup_steps:
            return self.lr * step / self.warmup_steps
        epoch = step // self.steps_per_epoch
        if self.decay == "steps":
            return float(
                self.lr * self.gamma ** sum(m <= epoch for m in self.milestones)
            )
        if self.decay == "none":
            return self.lr
        warmed = max(self.warmup_steps - 1, 0) // self.steps_per_epoch
        return self.lr * (1 + cos(pi * (epoch - warmed) / self.epochs)) / 2
