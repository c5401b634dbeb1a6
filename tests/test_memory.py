"""What was freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest

from ppim_port.memory import give_back


def held() -> int:
    """KiB of this process in memory."""
    status = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(x.split()[1]) for x in status if x.startswith("VmRSS"))


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim") or sys.platform != "linux",
    reason="only glibc can be asked",
)
def test_freed_blocks_go_back() -> None:
    # Small ones, which glibc keeps; the last one holds the heap's end in place.
    blocks = [bytearray(50_000) for _ in range(2000)]
    last = bytearray(50_000)
    del blocks
    before = held()
    give_back()
    assert before - held() > 60 * 1024
    assert len(last) == 50_000


def test_nothing_happens_where_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: object) -> object:
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", absent)
    give_back()
