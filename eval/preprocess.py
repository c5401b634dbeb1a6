"""Stage 2: samples become batches of decoded pictures, in order, all of them.

Threads decode (OpenCV releases the interpreter lock), a bounded number of batches
ahead. A batch holds the same samples whatever the number of threads, so a resumed run
sees the batches of an unbroken one. The first picture that cannot be decoded ends the
run with its name: skipping it would change n, replacing it would change the accuracy.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eval.records import Batch, Dataset, Sample
from eval.timing import Clock
from ppim_port.errors import UsageError

Images = NDArray[np.uint8]
Reading: TypeAlias = Callable[[], AbstractContextManager[None]]


class ToPicture(Protocol):
    """What is asked of a transform; `ppim_port.recipe.Transform` is one."""

    @property
    def crop_size(self) -> int:
        """Pixels of a side of the result."""

    def to_uint8(self, image: object, *, name: str | None = None) -> Images:
        """Encoded bytes to uint8 BGR [crop, crop, 3]."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """A batch that threads are filling: each future gives one file's digest."""

    index: int
    samples: tuple[Sample, ...]
    images: Images
    digests: tuple[Future[str], ...]


def batches(
    dataset: Dataset,
    transform: ToPicture,
    *,
    batch_size: int,
    workers: int,
    prefetch: int,
    start: int = 0,
    only: Iterable[int] | None = None,
    clock: Clock | None = None,
) -> Generator[Batch, None, None]:
    """Decode the dataset batch by batch; nothing begins before the first is asked for.

    Args:
        dataset: what to decode, in its order.
        transform: turns a file's bytes into uint8 BGR [crop, crop, 3].
        batch_size: pictures a batch; the last may have fewer.
        workers: threads.
        prefetch: batches decoded or being decoded at most, besides the consumer's.
        start: index of the first batch to yield, to resume a run.
        only: indices of the batches to yield, in order, instead.
        clock: told how long reading takes.

    Raises:
        UsageError: a number is too small.
        ImageError: while iterating, for the first picture in order that fails.
    """
    sizes = {"batch_size": batch_size, "workers": workers, "prefetch": prefetch}
    for name, value in sizes.items():
        if value < 1:
            msg = f"{name} must be at least 1, got {value}. Nothing was decoded."
            raise UsageError(msg)
    if start < 0:
        msg = f"start must be at least 0, got {start}. Nothing was decoded."
        raise UsageError(msg)
    indices = range(start, -(-len(dataset.samples) // batch_size))
    parts = _parts(dataset.samples, batch_size, indices if only is None else only)
    reading = partial((clock or Clock()).on, "read")
    return _run(parts, transform, reading, workers=workers, prefetch=prefetch)


def _parts(
    samples: tuple[Sample, ...], size: int, indices: Iterable[int]
) -> Iterator[tuple[int, tuple[Sample, ...]]]:
    for index in indices:
        yield index, samples[index * size : (index + 1) * size]


def _run(
    parts: Iterator[tuple[int, tuple[Sample, ...]]],
    transform: ToPicture,
    reading: Reading,
    *,
    workers: int,
    prefetch: int,
) -> Generator[Batch, None, None]:
    ahead: deque[_Pending] = deque()
    with _single_threaded_opencv(), _pool(workers) as pool:
        while True:
            while len(ahead) < prefetch and (part := next(parts, None)):
                ahead.append(_submit(pool, part, transform, reading))
            if not ahead:
                return
            yield _collect(ahead.popleft())


def _submit(
    pool: ThreadPoolExecutor,
    part: tuple[int, tuple[Sample, ...]],
    transform: ToPicture,
    reading: Reading,
) -> _Pending:
    index, samples = part
    side = transform.crop_size
    images = np.empty((len(samples), side, side, 3), np.uint8)

    def fill(row: int) -> str:
        name = str(samples[row].path)
        with reading():
            data = samples[row].read()
        images[row] = transform.to_uint8(data, name=name)
        return hashlib.sha256(data).hexdigest()

    futures = tuple(pool.submit(fill, row) for row in range(len(samples)))
    return _Pending(index, samples, images, futures)


def _collect(pending: _Pending) -> Batch:
    """Wait for each picture in order, so that the first failure is the one named."""
    digests = tuple(future.result() for future in pending.digests)
    return Batch(pending.index, pending.samples, pending.images, digests)


@contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that are gone afterwards, also after an error, a close, or Ctrl-C."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="preprocess")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _single_threaded_opencv() -> Iterator[None]:
    """One OpenCV thread a picture: the pictures themselves are decoded in parallel.

    Otherwise each worker would wake OpenCV's own pool, and they would fight for cores.
    """
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(0)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
