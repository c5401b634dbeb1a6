"""Evaluating never builds the unfolded input, 49 times the input of a RedNet."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from ppim_port.state_dict import Array
from tests.support.frameworks import involution_torch, paddle, torch
from tests.support.involutions import Case, Form, run, unfolded

# Channels in groups of 16 and 7x7 kernels, as in RedNet: the kernels alone are three
# times the input.
CASE = Case(7, 1, 1, 4, 16, 2, 28, 28, "float32")
# Of one picture: padded input 1.5, reordered kernels 3.1, sum, product and output 1
# each, so 7.6 times the input where all pictures run at once; 4.4 to 5.2 measured
# with numpy 2.4 on two cores.
PEAK = 8.0
# Of the tensors that PyTorch makes, one picture's reordered kernels are the largest:
# 3.1 times that picture, so 1.5 times a batch of two.
LARGEST = 1.6


def peak(call: Callable[[], Array], unit: int) -> float:
    """Most memory that numpy held during a call, in inputs."""
    call()
    tracemalloc.start()
    call()
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held / unit


@pytest.mark.parametrize("form", ["shift", "paddle"])
def test_numpys_way_stays_far_below_the_unfolded_input(form: Form) -> None:
    x, weight = CASE.arrays()
    assert peak(lambda: run(form, CASE, x, weight), x.nbytes) < PEAK


def test_the_measure_sees_an_unfolded_input() -> None:
    x, weight = CASE.arrays()
    assert peak(lambda: unfolded(CASE, x, weight), x.nbytes) > 49


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Keeps the size of the largest tensor that any operation returns."""

    elements = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.elements = max(self.elements, out.numel())
        return out


def largest(call: Callable[[torch.Tensor, torch.Tensor], object]) -> float:
    """Elements of the largest tensor that a call makes, in inputs."""
    x, weight = (torch.from_numpy(a) for a in CASE.arrays())
    with torch.no_grad(), Largest() as seen:  # type: ignore[no-untyped-call]
        call(x, weight)
    return float(seen.elements / x.numel())


def test_torch_makes_no_tensor_of_the_unfolded_size() -> None:
    assert 0 < largest(partial(involution_torch.involution, kernel_size=7)) <= LARGEST


def test_the_torch_measure_sees_an_unfolded_input() -> None:
    unfold = torch.nn.functional.unfold
    assert largest(lambda x, weight: unfold(x, 7, padding=3)) == 49


@pytest.mark.parametrize("form", ["torch", "torch grad", "paddle", "paddle grad"])
def test_unfold_is_never_called(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError

    for functional in (torch.nn.functional, paddle.nn.functional):
        monkeypatch.setattr(functional, "unfold", refuse)
    case = Case(7)
    run(form, case, *case.arrays())


# One thread in all: the child must not get away with a second one.
AFTER_FORK = """
import os, numpy as np
os.cpu_count = lambda: 1
from ppim_port.ops.involution_shift import involution
x, weight = np.ones((2, 4, 4, 4)), np.ones((2, 1, 9, 4, 4))
involution(x, weight, kernel_size=3)
if not (child := os.fork()):
    involution(x, weight, kernel_size=3)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_does_not_wait_for_its_parents_threads() -> None:
    command = [sys.executable, "-c", AFTER_FORK]
    run = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=15
    )
    assert run.stdout == "7\n"
