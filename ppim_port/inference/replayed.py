"""A net's program on our kernels: run by Python until a size comes again, then by C++.

A program calls layer by layer, and each checks its shapes. What it called is written
down when a size comes a second time, and made again for the next pictures in one go:
Python takes as long from one layer to the next as a late layer does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ppim_port.inference.memory import Block
from ppim_port.inference.native_engine import NativeEngine
from ppim_port.native.alignment import aligned
from ppim_port.native.replay import Replay
from ppim_port.state_dict import Array


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


class _Own(threading.local):
    """What a thread saw last, and its plan, which another size may outlive."""

    shape: tuple[int, ...] | None = None
    plan: _Plan | None = None


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
        self._own = _Own()

    def __call__(self, pictures: Array) -> Array:
        """The logits, a new array.

        Args:
            pictures: with any strides.

        Raises:
            InputSizeError: a size that the net cannot take.
            UsageError: they are not float32.
        """
        own, shape = self._own, pictures.shape
        # The engine knows what to say of another dtype.
        if len(pictures) and pictures.dtype == np.float32:
            if own.plan and own.plan.pictures.shape == shape:
                own.shape = shape
                return own.plan.run(pictures)
            if own.shape == shape:
                own.plan = self._recorded(pictures)
                return own.plan.logits.copy()
        logits = self._program(np.ascontiguousarray(pictures)).copy()
        own.shape = shape
        return logits

    def _recorded(self, pictures: Array) -> _Plan:
        """Run the program, and write down what it calls."""
        copy = aligned(pictures)
        with self._engine.recording() as recording:
            logits = self._program(copy)
        return _Plan(copy, Replay(recording.recorder), logits, recording.blocks)
