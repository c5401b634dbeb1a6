"""Training by Keras' `model.fit`, resumable after every epoch, on any of its backends.

What Keras' BackupAndRestore does, with files that execute nothing when they are read
and with batches that are functions of the epoch, so that a resumed run is the same run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

# The backend first: it imports Keras on a backend that is installed.
from ppim_port.backends.keras import BACKEND, keras  # isort: skip

from examples.common.batches import Batch, Batches
from examples.common.plan import Plan
from examples.common.run_folder import Row, Run
from ppim_port.state_dict import StateDict

LastBatch: TypeAlias = tuple[NDArray[np.float32], NDArray[np.int64]]


class Resumable(keras.callbacks.Callback):  # type: ignore[misc]
    """Progress, history and checkpoints of a `model.fit`.

    Args:
        plan: data, schedule, seed.
        run: where checkpoints go.
    """

    def __init__(self, plan: Plan, run: Run) -> None:
        super().__init__()
        self.plan, self.run = plan, run

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """The epoch's random numbers and learning rate."""
        self.start = time.perf_counter()
        keras.utils.set_random_seed(self.plan.seed + epoch)
        self.model.optimizer.learning_rate = self.plan.rate(epoch, 0)
        self.bar = self.plan.bar(epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Progress."""
        self.bar.update()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Checkpoint; Keras has scored the test pictures by now."""
        self.bar.close()
        row = Row(
            epoch=epoch + 1,
            lr=self.plan.rate(epoch, 0),
            train_loss=float(logs["loss"]),
            train_top1=100 * float(logs["accuracy"]),
            test_loss=float(logs["val_loss"]),
            test_top1=100 * float(logs["val_accuracy"]),
            test_top5=100 * float(logs["val_top5"]),
            seconds=round(time.perf_counter() - self.start, 1),
        )
        weights = BACKEND.state(self.model)
        self.run.commit(weights, moments_of(self.model.optimizer), row)
        self.plan.say(row)


def fit(net: Any, plan: Plan, run: Run) -> None:
    """Train to the end, from wherever the run stands.

    Args:
        net: compiled, with the metrics "accuracy" and "top5".
        plan: data, schedule by epochs, seed.
        run: where checkpoints go.
    """
    net.optimizer.build(net.trainable_variables)
    if run.epoch:
        weights, moments = run.load()
        BACKEND.load(net, weights)
        load_moments(net.optimizer, moments)
    if run.epoch < plan.epochs:
        tested = [channels_last(batch) for batch in plan.test]
        images, labels = (np.concatenate(part) for part in zip(*tested, strict=True))
        net.fit(
            endless(plan.train, run.epoch),
            steps_per_epoch=len(plan.train),
            initial_epoch=run.epoch,
            epochs=plan.epochs,
            validation_data=(images, labels),
            validation_batch_size=len(tested[0][0]),
            callbacks=[Resumable(plan, run)],
            shuffle=False,
            verbose=0,
        )
    run.finish()


def endless(batches: Batches, epoch: int) -> Iterator[LastBatch]:
    """The batches of an epoch, then those of the next, and so on."""
    while True:
        batches.epoch = epoch
        yield from map(channels_last, batches)
        epoch += 1


def channels_last(batch: Batch) -> LastBatch:
    """`[N, 3, H, W]` to `[N, H, W, 3]`, as Keras' nets take it on every backend."""
    images, labels = batch
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)), labels


def moments_of(optimizer: Any) -> StateDict:
    """The optimizer's variables, its count of steps among them, by their places."""
    found = [keras.ops.convert_to_numpy(v) for v in optimizer.variables]
    return {
        f"layers/optimizer/vars/{at}": np.array(value) for at, value in enumerate(found)
    }


def load_moments(optimizer: Any, moments: StateDict) -> None:
    """Put back what `moments_of` took out; the optimizer is built."""
    for at, variable in enumerate(optimizer.variables):
        variable.assign(moments[f"layers/optimizer/vars/{at}"])
