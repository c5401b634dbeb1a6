"""Trainings in processes of their own, which can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from examples.common.run_folder import Row, file_name, read_history
from ppim_port.checkpoint import read
from ppim_port.state_dict import FrameworkName, StateDict

ROOT = Path(__file__).parents[2]


def started(
    module: str, arguments: list[str], engine: str = "torch"
) -> subprocess.Popen[str]:
    # Sums are split by the number of threads; and threads that wait for a core that
    # another test has would make a training ten times slower.
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "KERAS_BACKEND": engine},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(module: str, arguments: list[str], engine: str = "torch") -> None:
    process = started(module, arguments, engine)
    output, errors = process.communicate(timeout=250)
    assert process.returncode == 0, output + errors


def killed_after(
    module: str, arguments: list[str], checkpoint: Path, engine: str = "torch"
) -> None:
    """Kill -9 as soon as a checkpoint is there: somewhere in the next epoch."""
    process = started(module, arguments, engine)
    while not checkpoint.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    time.sleep(0.3)
    process.kill()
    process.communicate()


def end_of(run: Path, framework: FrameworkName) -> tuple[StateDict, StateDict]:
    """Weights and optimizer of a finished run."""
    (last,) = (run / "epochs").iterdir()
    weights = read(last / file_name(framework, "weights")).state
    return weights, read(last / file_name(framework, "optimizer")).state


def rows_without_time(run: Path) -> list[tuple[float, ...]]:
    rows: list[Row] = read_history(run)
    names = [name for name in Row.__slots__ if name != "seconds"]
    return [tuple(getattr(row, name) for name in names) for row in rows]


def same_bits(one: StateDict, other: StateDict) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(one[key].view(np.uint8), other[key].view(np.uint8))
        if one[key].ndim
        else one[key] == other[key]
        for key in one
    )
