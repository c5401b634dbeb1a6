"""Batches for both frameworks: numpy in, numpy out, prepared by threads ahead of use.

Kept: a batch is a function of (seed, epoch, place) and nothing else, so a resumed run
sees what an uninterrupted one would have, and both frameworks see the same pictures.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from examples.common.augment import Augmentation
from examples.common.pictures import Labels, Pictures
from ppim_port.recipe import Recipe, Transform

Batch: TypeAlias = tuple[NDArray[np.float32], Labels]
AHEAD = 4


class Batches:
    """An epoch of batches each time that it is iterated over.

    Args:
        pictures: what they are made of.
        recipe: of the normalisation; without augmentation of resize and crop, too.
        size: pictures a batch; the last one of an epoch may have fewer.
        augment: what to do to a training picture, and shuffle; None for testing.
        seed: of order and augmentation.
        workers: threads that prepare batches; OpenCV lets them run at once.
    """

    def __init__(
        self,
        pictures: Pictures,
        recipe: Recipe,
        *,
        size: int,
        augment: Augmentation | None = None,
        seed: int = 0,
        workers: int = 2,
    ) -> None:
        self.epoch = 0
        self._pictures, self._transform = pictures, Transform(recipe)
        self._size, self._augment = size, augment
        self._seed, self._workers = seed, workers

    def __len__(self) -> int:
        """Batches an epoch."""
        whole, rest = divmod(len(self._pictures.labels), self._size)
        # Of a single picture no batch statistics can be taken.
        least = 1 if self._augment is None else 2
        return whole + (rest >= least)

    def __iter__(self) -> Iterator[Batch]:
        """float32 `[n, 3, H, W]` and int64 `[n]`: the batches of `self.epoch`."""
        order = np.arange(len(self._pictures.labels))
        if self._augment is not None:
            np.random.default_rng((self._seed, self.epoch)).shuffle(order)
        parts = [
            order[at * self._size : (at + 1) * self._size] for at in range(len(self))
        ]
        with ThreadPoolExecutor(self._workers) as pool:
            waiting: deque[Future[Batch]] = deque()
            for part in parts:
                waiting.append(pool.submit(self._batch, part, self.epoch))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _batch(self, part: NDArray[np.int64], epoch: int) -> Batch:
        images = np.stack([self._picture(int(index), epoch) for index in part])
        return self._transform.finish(images), self._pictures.labels[part]

    def _picture(self, index: int, epoch: int) -> NDArray[np.uint8]:
        picture = self._pictures[index]
        if self._augment is None:
            return self._transform.to_uint8(picture)
        return self._augment(np.random.default_rng((self._seed, epoch, index)), picture)
