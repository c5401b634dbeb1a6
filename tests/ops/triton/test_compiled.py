"""The kernels compile to GPU code, and the code has what the design counts on.

The interpreter accepts much that the compiler refuses (types that change in a loop,
values that are not known in time), so passing in it proves only half.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from benchmarks.gpu_code import code
from benchmarks.gpu_targets import CANDIDATES, DTYPES, KERNELS, Build, compiled

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
    build = Build(side=1, kernel_size=3, owned=1, block=32, warps=1)
    assert compiled(KERNELS[name], build).asm["cubin"]


# More columns than threads send a channels-last kernel element through shared memory,
# once a tap: what the narrow candidates are for.
@pytest.mark.parametrize("name", ["forward", "backward_input"])
def test_narrow_tiles_take_channels_last_without_shared_memory(name: str) -> None:
    narrow = Build(channels_last=True, kernel_size=3, block=64)
    assert compiled(KERNELS[name], narrow).metadata.shared == 0
    wide = replace(narrow, block=256)
    assert compiled(KERNELS[name], wide).metadata.shared > 0


@pytest.mark.parametrize("name", sorted(set(KERNELS) - {"generated"}))
def test_channels_first_needs_no_shared_memory(name: str) -> None:
    assert compiled(KERNELS[name], Build(kernel_size=3)).metadata.shared == 0


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_an_input_element_is_loaded_once_for_all_rows_of_a_tile(rows: int) -> None:
    build = Build(owned=rows, kernel_size=5, affine=False)
    ptx = compiled(KERNELS["forward"], build).asm["ptx"]
    inputs, kernel_elements = 16 * (5 + rows - 1), 5 * rows
    assert ptx.count("ld.global") == inputs + kernel_elements


@pytest.mark.parametrize(
    ("dtype", "wide"), [("float32", "LDG.E.128"), ("bfloat16", "LDG.E.64")]
)
def test_a_word_is_one_load_and_saves_instructions(dtype: str, wide: str) -> None:
    build = Build(dtype, owned=4, block=64, warps=2, kernel_size=5)
    words, elements = code("forward_words", build), code("forward", build)
    loads = {op for op in words.instructions if op.startswith("LDG")}
    assert wide in loads
    assert "LDG.E.U16" not in loads
    assert words.total < 0.85 * elements.total
    assert words.instructions["FFMA"] >= 25


def test_an_address_is_computed_once_a_row_and_no_register_is_spilled() -> None:
    found = code("forward_words", Build(owned=4, block=64, warps=2))
    assert found.spilled == 0
    # Seven rows of a few additions of 64 bits, over 64 elements a lane.
    assert sum(n for op, n in found.instructions.items() if "WIDE" in op) < 1


@pytest.mark.parametrize("name", KERNELS)
def test_no_kernel_uses_atomics(name: str) -> None:
    ptx = compiled(KERNELS[name], SMALL).asm["ptx"]
    assert "st.global" in ptx
    assert "atom." not in ptx
    assert "red.global" not in ptx


@pytest.mark.parametrize("name", ["forward", "forward_words", "generated"])
def test_relu_is_not_the_maximum_that_drops_a_nan(name: str) -> None:
    """Which the interpreter cannot show: its maximum keeps a NaN, a GPU's does not."""
    assert "max.f32" not in compiled(KERNELS[name], SMALL).asm["ptx"]


@pytest.mark.slow
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_every_candidate_compiles_in_its_formats(name: str, dtype: str) -> None:
    formats = (False,) if name == "forward_words" else (False, True)
    for tile, channels_last, stride in product(CANDIDATES[name], formats, (1, 2)):
        owned, block, warps = tile
        build = Build(
            dtype,
            channels_last=channels_last,
            kernel_size=3,
            stride=stride,
            owned=owned,
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
