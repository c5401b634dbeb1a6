"""Run each side in a process of its own, in turns, and report medians and ratios."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SAMPLED_EVERY_S = 0.2


def report_side(work: Callable[[], int]) -> None:
    """In the child: do the work; print how much was done, and the KiB it took."""
    count = work()
    print(json.dumps({"count": count, "alone": _peak()}))


def _peak() -> int:
    """KiB that this process held at most, since it started its program.

    Not `getrusage`: what that tells begins with what the parent held.
    """
    status = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def run_sides(
    module: str, sides: Sequence[str], arguments: Sequence[str], *, rounds: int
) -> dict[str, dict[str, float]]:
    """In the parent: `rounds` turns of every side; medians by side.

    Seconds are those of the whole process, its start and imports included; memory is
    the peak of it and its loader processes together.
    """
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            command = [sys.executable, "-m", module, "--side", side, *arguments]
            runs[side].append(_run(side, command))
    return {side: _median(results) for side, results in runs.items()}


def _run(side: str, command: Sequence[str]) -> dict[str, Any]:
    """One turn: what it says, its seconds, and its peak in MiB."""
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as wrong:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=wrong)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _held(process.pid))
            time.sleep(SAMPLED_EVERY_S)
        seconds = time.perf_counter() - begun
        for file in (said, wrong):
            file.seek(0)
        if process.returncode:
            sys.exit(f"{side} failed:\n{wrong.read()}")
        result = json.loads(said.read().splitlines()[-1])
    # A side that ends between two samples tells its own peak.
    peak = max(peak, result.pop("alone"))
    return {**result, "seconds": seconds, "mib": peak / 1024}


def _held(pid: int) -> int:
    """KiB that a process and its children hold; pages that they share count once."""
    total = 0
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()
        total = next(int(line.split()[1]) for line in rollup if line[:4] == "Pss:")
        for task in Path(f"/proc/{pid}/task").iterdir():
            children = (task / "children").read_text("utf-8").split()
            total += sum(_held(int(child)) for child in children)
    except (OSError, StopIteration):
        pass  # It has ended meanwhile.
    return total


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
