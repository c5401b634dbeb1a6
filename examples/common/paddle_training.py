"""Training by Paddle's hapi, resumable after every epoch; twin of `torch_training.py`.

`paddle.Model.fit` counts epochs from 0 and knows no resumption: the callback here
gives it the epochs that are left, and sets learning rate, random numbers and batches
by the true epoch. A resumed run has the history of one that was not interrupted.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

# The backend first: it imports Paddle without the warnings that this would show.
from ppim_port.backends.paddle import BACKEND, paddle  # isort: skip
from paddle import nn

from examples.common.plan import Plan
from examples.common.run_folder import Row, Run
from ppim_port.state_dict import StateDict


class PenalisedLoss(nn.Layer):
    """Mean cross-entropy, and while the net learns a penalty beside it."""

    def __init__(
        self, net: nn.Layer, penalty: Callable[[], paddle.Tensor | float]
    ) -> None:
        super().__init__()
        self._learning = lambda: net.training
        self._penalty = penalty

    def forward(self, logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
        """Logits `[n, classes]` and labels `[n]` to a scalar."""
        loss = nn.functional.cross_entropy(logits, labels)
        return loss + self._penalty() if self._learning() else loss


class Resumable(paddle.callbacks.Callback):
    """Learning rate, progress, history and checkpoints of a `paddle.Model.fit`.

    Args:
        plan: data, schedule, seed.
        run: where checkpoints go.
    """

    def __init__(self, plan: Plan, run: Run) -> None:
        super().__init__()
        self.plan, self.run = plan, run
        self.first = run.epoch
        self.rate = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """The epoch's batches and random numbers."""
        self.epoch = self.first + epoch
        self.start = time.perf_counter()
        paddle.seed(self.plan.seed + self.epoch)
        self.plan.train.epoch = self.epoch
        self.bar = self.plan.bar(self.epoch)
        self.learned, self.tested = Mean(), Mean()

    def on_train_batch_begin(self, step: int, logs: Any = None) -> None:
        """The step's learning rate."""
        self.rate = self.plan.rate(self.epoch, step)
        self.model._optimizer.set_lr(self.rate)

    def on_train_batch_end(self, step: int, logs: Any = None) -> None:
        """Count a training batch."""
        self.learned.add(logs)
        self.bar.update()

    def on_eval_batch_end(self, step: int, logs: Any = None) -> None:
        """Count a test batch."""
        self.tested.add(logs)

    def on_eval_end(self, logs: Any = None) -> None:
        """Checkpoint: `fit` scores after each epoch, so that is its end."""
        self.bar.close()
        row = Row(
            epoch=self.epoch + 1,
            lr=self.rate,
            train_loss=self.learned.loss,
            train_top1=100 * self.learned.top1,
            test_loss=self.tested.loss,
            test_top1=100 * self.tested.top1,
            test_top5=100 * self.tested.top5,
            seconds=round(time.perf_counter() - self.start, 1),
        )
        net, optimizer = self.model.network, self.model._optimizer
        self.run.commit(BACKEND.state(net), moments_of(net, optimizer), row)
        self.plan.say(row)


class Mean:
    """Of what hapi logs: it logs a batch's own loss, but accuracies of the epoch."""

    def __init__(self) -> None:
        self.pictures, self.sum, self.top1, self.top5 = 0, 0.0, 0.0, 0.0

    def add(self, logs: dict[str, Any]) -> None:
        """Count a batch."""
        self.pictures += logs["batch_size"]
        self.sum += float(logs["loss"][0]) * logs["batch_size"]
        self.top1, self.top5 = logs["acc_top1"], logs["acc_top5"]

    @property
    def loss(self) -> float:
        """Mean over the pictures."""
        return self.sum / self.pictures


def fit(
    net: nn.Layer,
    optimizer: paddle.optimizer.Optimizer,
    plan: Plan,
    run: Run,
    *,
    penalty: Callable[[], paddle.Tensor | float] = lambda: 0.0,
) -> None:
    """Train to the end, from wherever the run stands.

    Args:
        net: in float32.
        optimizer: of the net.
        plan: data, schedule, seed.
        run: where checkpoints go.
        penalty: a term of the training loss beside the cross-entropy.
    """
    if run.epoch:
        weights, moments = run.load()
        BACKEND.load(net, weights)
        load_moments(net, optimizer, moments)
    model = paddle.Model(net)
    metrics = paddle.metric.Accuracy(topk=(1, 5))
    model.prepare(optimizer, PenalisedLoss(net, penalty), metrics)
    if run.epoch < plan.epochs:
        with warnings.catch_warnings():
            # paddlepaddle 3.3.1 says so at every batch norm that learns.
            warnings.filterwarnings("ignore", "When training, we now always track")
            model.fit(
                plan.train,
                plan.test,
                epochs=plan.epochs - run.epoch,
                verbose=0,
                callbacks=[Resumable(plan, run)],
            )
    run.finish()


def moments_of(net: nn.Layer, optimizer: paddle.optimizer.Optimizer) -> StateDict:
    """The optimizer's tensors by the names of the parameters: `fc.weight/velocity_0`.

    Paddle calls them by a counter of all layers made so far, e.g. `linear_3.w_0`, which
    another process may count otherwise.
    """
    found = optimizer.state_dict()
    return {
        f"{name}/{key.removeprefix(f'{parameter.name}_')}": value.numpy()
        for name, parameter in net.named_parameters()
        for key, value in found.items()
        if key.startswith(f"{parameter.name}_")
    }


def load_moments(
    net: nn.Layer, optimizer: paddle.optimizer.Optimizer, moments: StateDict
) -> None:
    """Put back what `moments_of` took out."""
    parameters = dict(net.named_parameters())
    state = {}
    for key, value in moments.items():
        name, _, moment = key.partition("/")
        state[f"{parameters[name].name}_{moment}"] = paddle.to_tensor(value)
    optimizer.set_state_dict(state)
