"""Which tile a kernel runs with: timed once a shape on a GPU, fixed in the interpreter.

Triton's interpreter (`TRITON_INTERPRET=1`, set before Triton is imported) runs the
same kernels on the CPU, for tests. Times mean nothing there, so nothing is timed.
Without it tensors on the CPU are refused: Triton would fail in a driver's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import torch
import triton
from triton import knobs

from ppim_port.errors import UsageError

# ROWS and BLOCK in the interpreter: small, so that small shapes have several tiles.
INTERPRETED = (2, 32)


class Interpreted:
    """A kernel in the interpreter, with the launch syntax of a tuned one."""

    def __init__(self, kernel: Any, most: int) -> None:
        self.kernel, self.most = kernel, most

    def __getitem__(self, grid: Any) -> Any:
        rows, block = INTERPRETED
        # Columns are whole words, so they are not free to be chosen here.
        columns = "COLUMNS" in self.kernel.arg_names
        owned = self.most if columns else min(rows, self.most)
        return partial(self.kernel[grid], **_tile(self.kernel, owned, block))


def tuned(
    kernel: Any, candidates: Sequence[tuple[int, int, int]], key: Sequence[str]
) -> Any:
    """A kernel that is launched by `[grid](...)` and chooses its own tile.

    Args:
        kernel: with the compile-time arguments BLOCK and perhaps ROWS or COLUMNS.
        candidates: ROWS or COLUMNS, BLOCK and warps to try.
        key: arguments whose values make a shape; the fastest is kept for each, on
            the disk too.
    """
    if interpreted():
        return Interpreted(kernel, max(owned for owned, _, _ in candidates))
    return _tuned(kernel, tuple(candidates), tuple(key))


@cache
def _tuned(
    kernel: Any, candidates: tuple[tuple[int, int, int], ...], key: tuple[str, ...]
) -> Any:
    # Nothing is pipelined through shared memory, so one stage is all there is.
    configs = [
        triton.Config(_tile(kernel, rows, block), num_warps=warps, num_stages=1)
        for rows, block, warps in candidates
    ]
    known = [name for name in key if name in kernel.arg_names]
    return triton.autotune(configs, key=known, cache_results=True)(kernel)


def _tile(kernel: Any, owned: int, block: int) -> dict[str, int]:
    # A kernel's lanes own rows, or columns, or a position each.
    tile = {"ROWS": owned, "COLUMNS": owned, "BLOCK": block}
    return {name: size for name, size in tile.items() if name in kernel.arg_names}


def owned_by(tile: Mapping[str, Any]) -> int:
    """How many rows or columns a lane of a tile owns; a position is one."""
    found: int = tile.get("ROWS") or tile.get("COLUMNS") or 1
    return found


def interpreted() -> bool:
    """Whether kernels run in Triton's interpreter."""
    return bool(knobs.runtime.interpret)


def refuse_cpu(device: torch.device) -> None:
    """Accept a GPU, and the CPU where kernels are interpreted.

    Raises:
        UsageError: the CPU, and no interpreter.
    """
    if device.type == "cpu" and not interpreted():
        message = (
            "involution: Triton's kernels need a GPU, and these tensors are on the "
            "CPU. Use ppim_port.ops.involution_torch, or set TRITON_INTERPRET=1 "
            "before Triton is imported (slow, for tests)."
        )
        raise UsageError(message)
