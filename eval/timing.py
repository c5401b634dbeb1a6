"""Where the time goes: seconds by kind of work, added up over all threads.

Reading, decoding and resizing happen in threads beside each other, so their sum may
exceed the clock on the wall; waiting and the model share one thread and cannot.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eval.evidence import Timing
from eval.records import Batch
from ppim_port.recipe import Transform

Kind: TypeAlias = Literal["read", "decode", "resize", "wait", "model"]


class Clock:
    """Adds up seconds by kind; any thread may add."""

    def __init__(self) -> None:
        self._spent: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    @contextmanager
    def on(self, kind: Kind) -> Iterator[None]:
        """Count the block's time."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - begun
            with self._lock:
                self._spent[kind] += spent

    def waiting(
        self, stream: Generator[Batch, None, None]
    ) -> Generator[Batch, None, None]:
        """Pass batches on and count the time until each is there as "wait"."""
        while True:
            with self.on("wait"):
                batch = next(stream, None)
            if batch is None:
                return
            yield batch

    def timing(self) -> Timing:
        """What was counted so far."""
        with self._lock:
            return Timing(**self._spent)


class Timed:
    """A transform whose decoding and resizing are counted apart.

    Args:
        transform: does the work.
        clock: counts.
    """

    def __init__(self, transform: Transform, clock: Clock) -> None:
        self._transform = transform
        self._clock = clock

    @property
    def crop_size(self) -> int:
        """See `Transform.crop_size`."""
        return self._transform.crop_size

    def to_uint8(self, image: object, *, name: str | None = None) -> NDArray[np.uint8]:
        """See `Transform.to_uint8`."""
        with self._clock.on("decode"):
            pixels = self._transform.pixels(image, name)
        with self._clock.on("resize"):
            return self._transform.cropped(pixels)


def spent_text(timing: Timing) -> str:
    """One line for people: where the time went, and what bounds the speed."""
    threads = timing.read + timing.decode + timing.resize
    bound = "the net" if timing.model >= timing.wait else "decoding"
    return (
        f"time: net {timing.model:.1f} s, waiting for pictures {timing.wait:.1f} s; "
        f"decoding threads {threads:.1f} s (read {timing.read:.1f}, "
        f"decode {timing.decode:.1f}, resize {timing.resize:.1f}); bound by {bound}"
    )
