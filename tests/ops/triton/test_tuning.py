"""On a GPU tiles are timed; that much can be seen without one."""

from __future__ import annotations

import pytest
from triton.runtime.autotuner import Autotuner

from benchmarks.gpu_targets import CANDIDATES, KERNELS
from ppim_port.ops.triton import launch
from ppim_port.ops.triton.tuning import owned_by, tuned


@pytest.fixture(autouse=True)
def _not_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)


@pytest.mark.parametrize("name", KERNELS)
def test_every_candidate_is_tried_for_every_shape_and_format(name: str) -> None:
    candidates, kernel = CANDIDATES[name], KERNELS[name]
    found = tuned(kernel, candidates, launch.KEY)
    assert isinstance(found, Autotuner)
    tiles = [
        (owned_by(config.kwargs), config.kwargs["BLOCK"], config.num_warps)
        for config in found.configs
    ]
    assert tiles == list(candidates)
    assert {"height", "out_width", "KERNEL_SIZE", "STRIDE"} <= set(found.keys)
    # A tensor's format shows in the stride of its channels or taps.
    formats = {n for n in kernel.arg_names if n[-2:] in ("_c", "_t")}
    formats -= {"matrix_c", "matrix_t"}
    assert formats <= set(found.keys)


def test_a_kernel_is_tuned_once_a_process() -> None:
    kernel = KERNELS["forward"]
    first = tuned(kernel, launch.CANDIDATES, launch.KEY)
    assert tuned(kernel, launch.CANDIDATES, launch.KEY) is first
