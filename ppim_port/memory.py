"""Memory that was freed goes back to the system, where the C library can be asked."""

from __future__ import annotations

import contextlib
import ctypes
import gc


def give_back() -> None:
    """Return what is free to the system; nothing happens where that is unknown.

    glibc keeps what threads have freed for their next allocation, which after a phase
    of large arrays may never come.
    """
    gc.collect()
    trim()


def trim() -> None:
    """Return what is free already, without looking for more."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
