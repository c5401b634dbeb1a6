"""Giving back the memory of a mapped file that has been looked at.

The pages stay in the kernel's cache and come back when they are touched again, so
views of the file stay valid: only the process becomes smaller.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import TypeAlias, TypeVar

from ppim_port.state_dict import Array

Tensors: TypeAlias = Iterator[tuple[str, Array]]
T = TypeVar("T", Array, memoryview)

# Often enough to stay small, seldom enough to cost nothing: a call takes microseconds.
STEP = 8 << 20


def release(view: memoryview) -> None:
    """Give back the pages of the mapped file that `view` shows a part of."""
    mapped = view.obj
    # Absent on Windows, where the memory stays until the map goes.
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def in_turn(
    parts: Iterator[tuple[str, T]], view: memoryview
) -> Iterator[tuple[str, T]]:
    """The parts of a mapped file, its pages given back as they go by."""
    passed = 0
    for key, value in parts:
        yield key, value
        passed += value.nbytes
        if passed >= STEP:
            release(view)
            passed = 0
    release(view)
