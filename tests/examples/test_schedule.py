"""The schedule is that of the sources' own schedulers, step for step."""

from __future__ import annotations

import pytest

from examples.common.schedule import Schedule
from tests.support.frameworks import paddle, torch

# Both are double precision; Paddle's closed form and ours differ in the last bits.
SLACK = 1e-12


@pytest.mark.parametrize(("steps", "warmup"), [(5, 12), (5, 10), (5, 3), (7, 1)])
def test_warm_up_and_cosine_are_paddles_stepped_as_in_the_article(
    steps: int, warmup: int
) -> None:
    epochs = 9
    lr = paddle.optimizer.lr
    theirs = lr.LinearWarmup(lr.CosineAnnealingDecay(0.1, epochs), warmup, 0.0, 0.1)
    ours = Schedule(0.1, epochs, steps, warmup)
    warming = True
    for step in range(epochs * steps):
        assert ours.at(step) == pytest.approx(theirs(), abs=SLACK)
        # The notebook's LRSchedulerM: by batch while warming up, by epoch afterwards.
        if warming:
            theirs.step()
            warming = theirs.last_epoch < warmup
        if (step + 1) % steps == 0 and not warming:
            theirs.step()


def test_steps_are_torchs_multi_step() -> None:
    epochs, steps = 10, 4
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], 0.1)
    theirs = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 6, 8], 0.2)
    ours = Schedule(0.1, epochs, steps, decay="steps", milestones=(3, 6, 8))
    for epoch in range(epochs):
        (expected,) = theirs.get_last_lr()
        for step in range(steps):
            found = ours.at(epoch * steps + step)
            assert found == pytest.approx(expected, abs=SLACK)
        optimizer.step()
        theirs.step()


def test_a_training_without_warm_up_begins_at_the_full_rate_and_ends_near_0() -> None:
    ours = Schedule(0.5, 100, 3)
    assert ours.at(0) == 0.5
    assert 0 < ours.at(299) < 0.5 * 3e-4
