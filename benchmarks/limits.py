"""What this machine can do at most: products of matrices, and reading memory.

Measured with our own kernels and with the libraries at hand; the limit is the best of
them, at the sizes that suit it best.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ppim_port.native import calls
from ppim_port.native.alignment import aligned
from ppim_port.native.buffers import Buffer
from ppim_port.native.library import require
from ppim_port.native.packing import ElementType, pack, to_bfloat16

ROWS, INNER, COLUMNS = 1568, 512, 512


def seconds(
    call: Callable[[], object], *, budget: float = 0.2, rounds: int = 5
) -> float:
    """The median time of a call, after one to warm up."""
    call()
    begun = time.perf_counter()
    call()
    once = time.perf_counter() - begun
    repeats = max(1, int(budget / rounds / max(once, 1e-7)))
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        for _ in range(repeats):
            call()
        found.append((time.perf_counter() - begun) / repeats)
    return statistics.median(found)


def product_rate(dtype: ElementType = "float32") -> float:
    """Floating-point operations a second and core, of the best product here."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((ROWS, INNER)).astype(np.float32)
    b = rng.standard_normal((INNER, COLUMNS)).astype(np.float32)
    work = 2 * ROWS * INNER * COLUMNS
    times = [seconds(_ours(a, b, dtype))]
    if dtype == "float32":
        out = np.empty((ROWS, COLUMNS), np.float32)
        times.append(seconds(lambda: np.matmul(a, b, out=out)))
    times.append(seconds(_torchs(a, b, dtype)))
    return max(work / t for t in times)


def _torchs(a: np.ndarray, b: np.ndarray, dtype: ElementType) -> Callable[[], object]:
    """PyTorch's: MKL in float32, oneDNN (with AMX, where there is one) in bfloat16."""
    import torch

    torch.set_num_threads(1)
    pair = [torch.from_numpy(each).to(getattr(torch, dtype)) for each in (a, b)]
    out = torch.empty(ROWS, COLUMNS, dtype=pair[0].dtype)
    return lambda: torch.mm(*pair, out=out)


def _ours(a: np.ndarray, b: np.ndarray, dtype: ElementType) -> Callable[[], None]:
    library = require()
    packed = pack(library, b.T[:, :, None, None], np.zeros(COLUMNS), dtype=dtype)
    stored = aligned(a if dtype == "float32" else to_bfloat16(a))
    out = aligned(np.empty((1, 1, ROWS, COLUMNS), stored.dtype))
    x = stored.reshape(1, 1, ROWS, INNER)
    buffers = (
        Buffer(x.ctypes.data, x.shape, dtype, x),
        Buffer(out.ctypes.data, out.shape, dtype, out),
    )
    return lambda: calls.convolution(library, buffers[0], packed, buffers[1])


def scaling() -> float:
    """How many times one core's rate all cores reach together."""
    cores = os.cpu_count() or 1
    rng = np.random.default_rng(0)
    a = rng.standard_normal((ROWS, INNER)).astype(np.float32)
    b = rng.standard_normal((INNER, COLUMNS)).astype(np.float32)
    calls_ = [_ours(a, b, "float32") for _ in range(cores)]
    alone = seconds(calls_[0])
    with ThreadPoolExecutor(cores) as pool:
        together = seconds(lambda: list(pool.map(lambda call: call(), calls_)))
    return cores * alone / together


def read_rate() -> float:
    """Bytes a second that one core reads from memory, summing half a gigabyte."""
    data = np.ones(2**26)
    return data.nbytes / seconds(data.sum)
