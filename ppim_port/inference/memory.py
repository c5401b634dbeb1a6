"""Arrays whose memory is used again as soon as nobody holds them.

A net makes arrays of megabytes hundreds of times a second. Fresh ones come from the
system page by page, each of which it clears first; used ones are still in the cache.
"""

from __future__ import annotations

import sys
import threading
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ppim_port.state_dict import Array

# References to a block that nobody uses: the list's, the loop's, and the call's own.
_IDLE = 3


class Memory(threading.local):
    """Blocks of one thread; another thread that asks has blocks of its own."""

    def __init__(self) -> None:
        self._blocks: list[NDArray[np.uint8]] = []

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """An array like `numpy.empty`'s, of any contents.

        Its block is free again when it and every view of it are gone: numpy's views
        all refer to the block itself.
        """
        size = prod(shape) * dtype.itemsize
        block = self._idle(size)
        if block is None:
            block = np.empty(size, np.uint8)
            self._blocks.append(block)
        found: Array = block[:size].view(dtype).reshape(shape)
        return found

    def _idle(self, size: int) -> NDArray[np.uint8] | None:
        """The smallest idle block that is large enough."""
        best = None
        for block in self._blocks:
            # In this order: `best` holds a reference too, but is never asked again.
            if sys.getrefcount(block) == _IDLE and block.size >= size:
                best = block if best is None or block.size < best.size else best
        return best
