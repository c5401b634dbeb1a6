"""Arrays whose memory is used again as soon as nobody holds them.

A net makes arrays of megabytes hundreds of times a second. Fresh ones come from the
system page by page, each of which it clears first; used ones are still in the cache.
There are never more blocks than arrays were alive at once, because an idle block that
is too small gives way to a larger one.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppim_port.native.alignment import LINE, within
from ppim_port.state_dict import Array

Block = NDArray[np.uint8]


def _references(blocks: list[Block]) -> Iterator[int]:
    for block in blocks:
        yield sys.getrefcount(block)


# What a block has that nobody uses; Pythons count their own references differently.
_IDLE = next(_references([np.empty(0, np.uint8)]))


class Memory(threading.local):
    """Blocks of one thread; another thread that asks has blocks of its own."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._pinned = False

    @contextmanager
    def pinned(self) -> Iterator[list[Block]]:
        """Let no block give way to a larger one in this thread.

        Yields:
            The blocks, of old and those that are added; afterwards they are the
            caller's, and the thread begins anew.
        """
        blocks, self._pinned = self._blocks, True
        try:
            yield blocks
        finally:
            self._blocks, self._pinned = [], False

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """An array like `numpy.empty`'s, of any contents, aligned (see `alignment`).

        Its block is free again when it and every view of it are gone: numpy's views
        all refer to the block itself.
        """
        return within(self._block(prod(shape) * dtype.itemsize + LINE), shape, dtype)

    def _block(self, size: int) -> Block:
        """The smallest idle block that is large enough, else a new one."""
        counts = list(_references(self._blocks))
        idle = [at for at, count in enumerate(counts) if count == _IDLE]
        sizes = {at: self._blocks[at].size for at in idle}
        fitting = [at for at in idle if sizes[at] >= size]
        if fitting:
            return self._blocks[min(fitting, key=sizes.__getitem__)]
        for at in sorted(idle, key=sizes.__getitem__)[-1:]:
            if not self._pinned:
                del self._blocks[at]
        self._blocks.append(np.empty(size, np.uint8))
        return self._blocks[-1]
