"""The GPU kernels run on the CPU by Triton's interpreter, in processes of their own.

Triton decides while it is imported whether kernels are interpreted, so the checks
under `interpreted/` cannot share a process with tests that compile them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CHECKS = sorted((Path(__file__).parent / "interpreted").glob("check_*.py"))


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_kernels_pass_in_the_interpreter() -> None:
    done = run(*map(str, CHECKS), "-m", "not slow", TRITON_INTERPRET="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_kernels_pass_the_slow_checks_in_the_interpreter() -> None:
    done = run(*map(str, CHECKS), "-m", "slow", TRITON_INTERPRET="1")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_checks_need_the_interpreter() -> None:
    """The proof that what passed above were the kernels: without it they refuse."""
    path = next(path for path in CHECKS if path.stem == "check_involution")
    done = run(str(path), "-k", "oracles", TRITON_INTERPRET="0")
    assert done.returncode == 1
    assert "Triton's kernels need a GPU" in done.stdout


def test_every_check_is_found() -> None:
    assert [path.stem for path in CHECKS] == [
        "check_benchmark",
        "check_fused",
        "check_involution",
        "check_paddle",
    ]
