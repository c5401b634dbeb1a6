"""Compile a kernel to a GPU's machine code; Triton needs no GPU for that."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import triton.language as tl
from triton import compile as compile_kernel
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from ppim_port.ops.triton.backward_input import involution_backward_input
from ppim_port.ops.triton.backward_weight import involution_backward_weight
from ppim_port.ops.triton.forward import involution_forward
from ppim_port.ops.triton.generated import involution_generated

KERNELS = {
    "forward": involution_forward,
    "backward_input": involution_backward_input,
    "backward_weight": involution_backward_weight,
    "generated": involution_generated,
}
DTYPES = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16", "float64": "fp64"}
POINTERS = {
    *("x", "weight", "features", "matrix", "bias"),
    *("scale", "shift", "out", "upstream", "grad"),
}
SIDES = {"height", "width", "out_height", "out_width"}
# The dimension that is contiguous, of each tensor.
CHANNELS_FIRST = {
    *("x_w", "weight_w", "features_w", "matrix_c"),
    *("upstream_w", "grad_w", "out_w"),
}
CHANNELS_LAST = {
    *("x_c", "weight_t", "features_c", "matrix_c"),
    *("upstream_c", "grad_c", "grad_t", "out_c"),
}


@dataclass(frozen=True)
class Build:
    """What a kernel is compiled for: RedNet's group of 16 channels."""

    dtype: str = "float32"
    channels_last: bool = False
    kernel_size: int = 7
    stride: int = 1
    dilation: int = 1
    rows: int = 2
    block: int = 128
    warps: int = 4
    capability: int = 90
    affine: bool = True
    one_pixel: bool = False


@cache
def compiled(kernel: Any, build: Build) -> Any:
    """The compiled kernel; its `metadata.shared` is bytes of shared memory."""
    settings: dict[str, Any] = {
        "GROUP_CHANNELS": 16,
        "KERNEL_SIZE": build.kernel_size,
        "STRIDE": build.stride,
        "DILATION": build.dilation,
        "SUM": tl.float64 if build.dtype == "float64" else tl.float32,
        "BLOCK_CHANNELS": 16,
        "ROWS": build.rows,
        "BLOCK": build.block,
        "AFFINE": build.affine,
        "RELU": True,
        "REDUCED": 16,
        "BLOCK_REDUCED": 16,
        "TAPS": 8,
        "PRECISION": "ieee",
        "WIDEN": False,
    }
    constants = {name: settings[name] for name in kernel.arg_names if name.isupper()}
    contiguous = CHANNELS_LAST if build.channels_last else CHANNELS_FIRST
    # Triton compiles an argument of 1 as a constant.
    ones = contiguous | (SIDES if build.one_pixel else set())
    signature: dict[str, str] = {}
    attributes: dict[tuple[int, ...], list[list[Any]]] = {}
    for place, name in enumerate(kernel.arg_names):
        if name in constants or name in ones:
            constants.setdefault(name, 1)
            signature[name] = "constexpr"
            continue
        pointer = f"*{DTYPES[build.dtype]}"
        signature[name] = pointer if name in POINTERS else "i32"
        # Allocations are aligned, and RedNet's strides are multiples of 16.
        if name in POINTERS or name[-2] == "_":
            attributes[(place,)] = [["tt.divisibility", 16]]
    return compile_kernel(
        ASTSource(kernel, signature, constants, attributes),
        target=GPUTarget("cuda", build.capability, 32),
        options={"num_warps": build.warps, "num_stages": 1},
    )
