"""Kernels work after a fork, from many threads, and where the system has no more."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.support.convolutions import Case, run, tensors
from tests.support.forks import ignores_threads, in_a_fork, needs_fork
from tests.support.native import ISAS, needs_kernels, on_every_set, same_bits
from tests.support.native_involutions import Job
from tests.support.native_involutions import run as involve
from tests.support.native_involutions import tensors as involution_tensors

pytestmark = needs_kernels

ROOT = Path(__file__).resolve().parents[2]

LARGE = Case(3, 32, 32, 6, 9, threads=3)


@on_every_set
def test_many_threads_may_call_at_once(isa: str) -> None:
    inputs = [tensors(LARGE, seed) for seed in range(8)]
    job = Job(threads=2)
    given = involution_tensors(job)
    expected = [run(isa, LARGE, one) for one in inputs]
    involved = involve(isa, job, given)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            found = pool.map(partial(run, isa, LARGE), inputs)
            others = pool.map(lambda _: involve(isa, job, given), range(8))
            assert all(map(same_bits, found, expected))
            assert all(same_bits(other, involved) for other in others)


@needs_fork
@ignores_threads
def test_a_fork_calls_kernels_with_threads() -> None:
    isa = ISAS[-1]
    inputs = tensors(LARGE)
    expected = run(isa, LARGE, inputs)
    assert same_bits(in_a_fork(lambda: run(isa, LARGE, inputs)), expected)


# Leaves no room for what is asked for after everything is loaded.
STARVED = """
import resource
from pathlib import Path
from tests.support.native import ISAS
{setup}
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + ({spare} << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
{body}
"""


def starved(setup: str, body: str, *, spare: int) -> str:
    """What a new process prints that has `spare` MiB left for `body`."""
    code = STARVED.format(setup=setup, body=body, spare=spare)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


only_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="address space is limited as Linux does it"
)


@only_linux
def test_without_memory_for_threads_the_caller_does_the_work() -> None:
    """A thread's stack takes 8 MiB of addresses; one is left."""
    setup = (
        "from dataclasses import replace\n"
        "from tests.native.test_processes import LARGE\n"
        "from tests.support.convolutions import run, tensors\n"
        "from tests.support.native import same_bits\n"
        "import threading\n"
        "given = tensors(LARGE)\n"
        "expected = run(ISAS[-1], replace(LARGE, threads=1), given)"
    )
    body = (
        "try:\n"
        "    threading.Thread(target=print).start()\n"
        "except RuntimeError as error:\n"
        "    print(error)\n"
        "print(same_bits(run(ISAS[-1], LARGE, given), expected))"
    )
    found = starved(setup, body, spare=1)
    assert found.split("\n") == ["can't start new thread", "True"]


@only_linux
@pytest.mark.parametrize("threads", [1, 2])
def test_without_memory_python_gets_a_memory_error(threads: int) -> None:
    """The gradient's sums of a group would be 32 MiB; a thread's stack fits."""
    setup = (
        "import numpy as np\n"
        "from ppim_port.native import calls\n"
        "from ppim_port.native.buffers import Buffer\n"
        "from ppim_port.native.geometry import Geometry\n"
        "from tests.support.native import named\n"
        "x = [Buffer.of(np.zeros((1, 1024, 1024, 16), 'f4')) for _ in range(3)]\n"
        "w = [Buffer.of(np.zeros((1, 1024, 1024, 2, 1), 'f4')) for _ in range(2)]\n"
        "library = named(ISAS[-1])\n"
    )
    body = (
        "try:\n"
        "    calls.involution_gradient(library, x[0], w[0], x[1], (x[2], w[1]), "
        f"Geometry(1), threads={threads})\n"
        "except MemoryError as error:\n"
        "    print(error)\n"
    )
    text = "Memory ran out in the C++ involution_gradient; its outputs are not whole."
    assert starved(setup, body, spare=24) == text
