"""The kernels compile to GPU code, and the code has what the design counts on.

The interpreter accepts much that the compiler refuses (types that change in a loop,
values that are not known in time), so passing in it proves only half.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from ppim_port.ops.triton import generate, launch
from tests.support.triton_targets import DTYPES, KERNELS, Build, compiled

AMPERE = 80
SMALL = Build("bfloat16", stride=2, kernel_size=3)


@pytest.fixture(autouse=True)
def _no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_compiles_for_hopper_in_bfloat16(name: str) -> None:
    found = compiled(KERNELS[name], SMALL)
    assert ".target sm_90a" in found.asm["ptx"]
    assert found.asm["cubin"]


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_compiles_for_a_picture_of_one_pixel(name: str) -> None:
    build = Build(one_pixel=True, kernel_size=3, rows=1, block=32, warps=1)
    assert compiled(KERNELS[name], build).asm["cubin"]


# More columns than threads send a channels-last kernel element through shared memory,
# once a tap: what the narrow candidates are for.
@pytest.mark.parametrize("name", ["forward", "backward_input"])
def test_narrow_tiles_take_channels_last_without_shared_memory(name: str) -> None:
    narrow = Build(channels_last=True, kernel_size=3, block=64)
    assert compiled(KERNELS[name], narrow).metadata.shared == 0
    wide = replace(narrow, block=256)
    assert compiled(KERNELS[name], wide).metadata.shared > 0


@pytest.mark.parametrize("name", ["forward", "backward_input", "backward_weight"])
def test_channels_first_needs_no_shared_memory(name: str) -> None:
    assert compiled(KERNELS[name], Build(kernel_size=3)).metadata.shared == 0


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_an_input_element_is_loaded_once_for_all_rows_of_a_tile(rows: int) -> None:
    build = Build(rows=rows, kernel_size=5, affine=False)
    ptx = compiled(KERNELS["forward"], build).asm["ptx"]
    inputs, kernel_elements = 16 * (5 + rows - 1), 5 * rows
    assert ptx.count("ld.global") == inputs + kernel_elements


@pytest.mark.parametrize("name", KERNELS)
def test_no_kernel_uses_atomics(name: str) -> None:
    ptx = compiled(KERNELS[name], SMALL).asm["ptx"]
    assert "st.global" in ptx
    assert "atom." not in ptx
    assert "red.global" not in ptx


@pytest.mark.parametrize("name", ["forward", "generated"])
def test_relu_is_not_the_maximum_that_drops_a_nan(name: str) -> None:
    """Which the interpreter cannot show: its maximum keeps a NaN, a GPU's does not."""
    assert "max.f32" not in compiled(KERNELS[name], SMALL).asm["ptx"]


@pytest.mark.slow
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_every_candidate_compiles_in_both_formats(name: str, dtype: str) -> None:
    candidates = (generate if name == "generated" else launch).CANDIDATES
    for tile, channels_last, stride in product(candidates, (False, True), (1, 2)):
        rows, block, warps = tile
        build = Build(
            dtype,
            channels_last=channels_last,
            kernel_size=3,
            stride=stride,
            rows=rows,
            block=block,
            warps=warps,
        )
        assert compiled(KERNELS[name], build).asm["cubin"]


@pytest.mark.slow
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_compiles_for_ampere(name: str, dtype: str) -> None:
    build = Build(dtype, kernel_size=5, dilation=2, capability=AMPERE)
    assert compiled(KERNELS[name], build).asm["cubin"]
