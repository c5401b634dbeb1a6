"""A net's program on our kernels: run by Python once for a size, then by C++ alone.

The first pictures of a size go through the program layer by layer, which checks every
shape. What it called is made again for the next ones in one go: layers are quicker than
Python's way from one to the next.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ppim_port.inference.memory import Block
from ppim_port.inference.native_engine import NativeEngine
from ppim_port.native.alignment import block, within
from ppim_port.native.replay import Replay
from ppim_port.state_dict import Array

# Whole batches and the last one; each keeps a net's activations.
SIZES = 2


@dataclass(frozen=True, slots=True)
class _Plan:
    """One size of pictures: where they go, what is called, where logits come out.

    Attributes:
        blocks: the memory that the calls point to, kept alive with them.
    """

    pictures: Array
    calls: Replay
    logits: Array
    blocks: list[Block]

    def run(self, pictures: Array) -> Array:
        self.pictures[...] = pictures
        self.calls.run()
        return self.logits.copy()


class _Plans(threading.local):
    """One thread's, the size that was used last at the end."""

    def __init__(self) -> None:
        self.by_shape: OrderedDict[tuple[int, ...], _Plan] = OrderedDict()


class Replayed:
    """Pictures `[N, H, W, 3]`, float32, to logits `[N, classes]`, float32.

    May be called from several threads; each has memory of its own.

    Args:
        engine: whose layers the program is made of.
        program: as of `make_program`.
    """

    def __init__(self, engine: NativeEngine, program: Callable[[Array], Array]) -> None:
        self._engine = engine
        self._program = program
        self._plans = _Plans()

    def __call__(self, pictures: Array) -> Array:
        """The logits, a new array.

        Args:
            pictures: with any strides.

        Raises:
            InputSizeError: a size that the net cannot take.
            UsageError: they are not float32.
        """
        if not len(pictures) or pictures.dtype != np.float32:
            # The engine knows what to say to them.
            return self._program(np.ascontiguousarray(pictures))
        plans = self._plans.by_shape
        plan = plans.pop(pictures.shape, None) or self._plan(pictures)
        plans[pictures.shape] = plan
        if len(plans) > SIZES:
            plans.popitem(last=False)
        return plan.run(pictures)

    def _plan(self, pictures: Array) -> _Plan:
        memory = block(pictures.nbytes)
        copy = within(memory, pictures.shape, np.float32)
        copy[...] = pictures
        with self._engine.recording() as recording:
            # Its blocks find their sizes first, so that those that stay are few.
            self._program(copy)
            recording.begin()
            logits = self._program(copy)
            calls = Replay(recording.recorder)
        return _Plan(copy, calls, logits, recording.blocks)
