"""A net's memory does not grow with the number of pictures."""

from __future__ import annotations

import resource
from collections.abc import Iterator

from ppim_port.inference.memory import Memory
from ppim_port.inference.native_engine import NativeEngine
from ppim_port.inference.programs import make_program
from tests.support.inference import SMALL, channels_last, pictures
from tests.support.native import ISAS, named, needs_kernels
from tests.support.states import made_state

pytestmark = needs_kernels


def peak() -> int:
    """Of this process, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memories(engine: NativeEngine) -> Iterator[Memory]:
    yield from (v for v in vars(engine).values() if isinstance(v, Memory))


def test_blocks_are_as_many_after_many_pictures_as_after_a_few() -> None:
    engine = NativeEngine(named(ISAS[-1]))
    run = make_program(engine, made_state(SMALL), "torch", SMALL)
    (memory,) = memories(engine)
    large, small = (channels_last(pictures(s, s, batch=1)) for s in (96, 32))
    for _ in range(2):
        run(large)
        run(small)
    blocks = [block.ctypes.data for block in memory._blocks]
    before = peak()
    for _ in range(100):
        run(large)
        run(small)
    assert [block.ctypes.data for block in memory._blocks] == blocks
    # A picture's activations at 96x96 are 2 MiB: a hundred kept would be 200.
    assert peak() - before < 20 * 1024
    assert len(blocks) <= 8
