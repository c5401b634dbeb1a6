"""Run each side in a process of its own, in turns, and report medians and ratios."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def report_side(work: Callable[[], int]) -> None:
    """In the child: do the work; print how much was done and the peak of memory.

    The peak is of this process alone: what loader processes take comes on top.
    """
    count = work()
    status = Path("/proc/self/status").read_text("utf-8").splitlines()
    peak = next(line for line in status if line.startswith("VmHWM"))
    print(json.dumps({"count": count, "mib": int(peak.split()[1]) // 1024}))


def run_sides(
    module: str, sides: Sequence[str], arguments: Sequence[str], *, rounds: int
) -> dict[str, dict[str, float]]:
    """In the parent: `rounds` turns of every side; medians by side.

    Seconds are those of the whole process, its start and imports included.
    """
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            command = [sys.executable, "-m", module, "--side", side, *arguments]
            begun = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - begun
            if done.returncode:
                sys.exit(f"{side} failed:\n{done.stderr}")
            result = json.loads(done.stdout.splitlines()[-1])
            runs[side].append({**result, "seconds": seconds})
    return {side: _median(results) for side, results in runs.items()}


def _median(results: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {key: statistics.median(r[key] for r in results) for key in results[0]}


def machine() -> str:
    """One line that says what was measured on, with versions."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        model = next(x for x in lines if x.startswith("model name")).split(": ")[1]
    except (OSError, StopIteration):
        pass
    names = ("torch", "paddlepaddle", "opencv-python", "numpy")
    versions = ", ".join(f"{n} {importlib.metadata.version(n)}" for n in names)
    return f"{model.strip()}, {os.cpu_count()} cores; {versions}"
