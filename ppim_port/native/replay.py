"""Calls of kernels, written down once and then made again by C++ in one go.

A net makes the same calls for every picture of a size: only what is in the memory
differs. Python takes as long for one call as the kernel of a late layer does.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field

from ppim_port.native.arguments import Step
from ppim_port.native.library import NUMBERS, Library


@dataclass(frozen=True, slots=True)
class Recorder(Library):
    """Kernels that run when they are called, and remember what with.

    Attributes:
        steps: functions and arguments so far. Those point to memory that is not
            theirs: whoever calls them again keeps it.
    """

    steps: list[tuple[str, ctypes.Structure]] = field(default_factory=list)

    @classmethod
    def of(cls, library: Library) -> Recorder:
        """The same kernels, with an empty record."""
        return cls(library.isa, library.panel, library._handle, library._kernels)

    def run(self, function: str, arguments: ctypes.Structure) -> None:
        """See `Library.run`."""
        Library.run(self, function, arguments)
        self.steps.append((function, arguments))


class Replay:
    """Calls to be made again, in their order.

    Args:
        recorder: what it has recorded so far.
    """

    def __init__(self, recorder: Recorder) -> None:
        # It also keeps the arguments alive, whose addresses are taken here.
        self._recorder = recorder
        steps = [
            Step(NUMBERS[function], ctypes.addressof(arguments))
            for function, arguments in recorder.steps
        ]
        self._steps = (Step * len(steps))(*steps)

    def run(self) -> None:
        """Make every call once.

        Raises:
            MemoryError: there was not enough; the outputs are not whole.
        """
        self._recorder.replay(self._steps)
