"""Compile a kernel to a GPU's machine code; Triton needs no GPU for that."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import triton.language as tl
from triton import compile as compile_kernel
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from ppim_port.ops.triton import generate, launch
from ppim_port.ops.triton.backward_input import involution_backward_input
from ppim_port.ops.triton.backward_weight import involution_backward_weight
from ppim_port.ops.triton.forward import involution_forward
from ppim_port.ops.triton.forward_words import involution_forward_words
from ppim_port.ops.triton.generated import involution_generated

GROUP = 16
KERNELS = {
    "forward": involution_forward,
    "forward_words": involution_forward_words,
    "backward_input": involution_backward_input,
    "backward_weight": involution_backward_weight,
    "generated": involution_generated,
}
# Tiles to try: ROWS or COLUMNS, BLOCK and warps.
CANDIDATES = {
    **dict.fromkeys(KERNELS, launch.CANDIDATES),
    "forward_words": launch.WORDS,
    "generated": generate.CANDIDATES,
}
DTYPES = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16", "float64": "fp64"}
SIDES = {"height", "width", "out_height", "out_width"}
POINTERS = {
    *("x", "weight", "features", "matrix", "bias"),
    *("scale", "shift", "out", "upstream", "grad"),
}


@dataclass(frozen=True)
class Build:
    """What a kernel is compiled for: a square map and RedNet's groups of 16 channels.

    `owned` is the ROWS or the COLUMNS of a lane.
    """

    dtype: str = "float32"
    channels_last: bool = False
    channels: int = 64
    side: int = 56
    kernel_size: int = 7
    stride: int = 1
    dilation: int = 1
    owned: int = 2
    word: int | None = None  # as many as are owned, if not said
    block: int = 128
    warps: int = 4
    capability: int = 90
    affine: bool = True

    @property
    def out_side(self) -> int:
        return -(-self.side // self.stride)


def launched(kernel: Any, build: Build, batch: int) -> int:
    """Output positions that a batch's launch works on, those worked on twice too."""
    rows, columns = build.owned, 1
    if "COLUMNS" in kernel.arg_names:
        rows, columns = columns, rows
    lanes = -(-build.out_side // rows) * -(-build.out_side // columns)
    return -(-batch * lanes // build.block) * build.block * build.owned


@cache
def compiled(kernel: Any, build: Build) -> Any:
    """The compiled kernel; its `metadata.shared` is bytes of shared memory."""
    strides = _strides(build, weight_like="grad_t" in kernel.arg_names)
    settings: dict[str, Any] = {
        **strides,
        "GROUP_CHANNELS": GROUP,
        "KERNEL_SIZE": build.kernel_size,
        "STRIDE": build.stride,
        "DILATION": build.dilation,
        "SUM": tl.float64 if build.dtype == "float64" else tl.float32,
        "BLOCK_CHANNELS": GROUP,
        "ROWS": build.owned,
        "COLUMNS": build.owned,
        "WORD": build.word or build.owned,
        "BLOCK": build.block,
        "AFFINE": build.affine,
        "RELU": True,
        "PAIRS": build.channels_last and build.dtype == "bfloat16",
        "REDUCED": GROUP,
        "BLOCK_REDUCED": GROUP,
        "TAPS": 8,
        "PRECISION": "ieee",
        "WIDEN": False,
    }
    constants = {name: settings[name] for name in kernel.arg_names if name in settings}
    if build.side == 1:
        # Triton compiles an argument of 1 as a constant.
        constants |= dict.fromkeys(SIDES, 1)
    signature: dict[str, str] = {}
    attributes: dict[tuple[int, ...], list[list[Any]]] = {}
    for place, name in enumerate(kernel.arg_names):
        if name in constants:
            signature[name] = "constexpr"
            continue
        signature[name] = f"*{DTYPES[build.dtype]}" if name in POINTERS else "i32"
        # Allocations are aligned, and a picture of RedNet is a multiple of 16.
        if name in POINTERS or name.endswith("_n"):
            attributes[(place,)] = [["tt.divisibility", 16]]
    return compile_kernel(
        ASTSource(kernel, signature, constants, attributes),
        target=GPUTarget("cuda", build.capability, 32),
        options={"num_warps": build.warps, "num_stages": 1},
    )


def _strides(build: Build, *, weight_like: bool) -> dict[str, int]:
    """Strides within a picture, as contiguous tensors of the format have them."""
    taps, out = build.kernel_size**2, build.out_side
    rows = build.channels // GROUP * taps

    def image(name: str, channels: int, side: int) -> dict[str, int]:
        c, h, w = side * side, side, 1
        if build.channels_last:
            c, h, w = 1, side * channels, channels
        return {f"{name}_c": c, f"{name}_h": h, f"{name}_w": w}

    def kernels(name: str) -> dict[str, int]:
        found = image(name, rows, out)
        tap = found.pop(f"{name}_c")
        return {f"{name}_g": taps * tap, f"{name}_t": tap, **found}

    grad = kernels("grad") if weight_like else image("grad", build.channels, build.side)
    return {
        **image("x", build.channels, build.side),
        **image("out", build.channels, out),
        **image("upstream", build.channels, out),
        **image("features", GROUP, out),
        **kernels("weight"),
        **grad,
        **{"matrix_t": GROUP, "matrix_c": 1},
    }
