"""From tensors to running kernels: outputs, grids, and which tile sizes are tried.

The candidates are timed by `tuning.tuned`; an empty output launches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import triton
import triton.language as tl

from ppim_port.errors import UsageError
from ppim_port.ops.triton.backward_input import involution_backward_input
from ppim_port.ops.triton.backward_weight import involution_backward_weight
from ppim_port.ops.triton.forward import involution_forward
from ppim_port.ops.triton.forward_words import involution_forward_words
from ppim_port.ops.triton.sizes import (
    LARGEST_BATCH,
    LARGEST_GRID,
    Sizes,
    channel_pairs,
    check_tensors,
    whole_words,
)
from ppim_port.ops.triton.tuning import owned_by, refuse_cpu, tuned

# More channels in a thread's registers would leave too few threads on a processor.
MOST_CHANNELS = 16

# (ROWS, BLOCK, warps). Lanes run over columns, so full warps of them suit NCHW; with
# fewer columns than threads the channels of channels-last get threads of their own,
# and no kernel element takes a detour through shared memory. More rows mean fewer
# instructions an element and more registers a thread; seven divide RedNet's maps.
CANDIDATES = (
    (4, 128, 4),
    (2, 128, 4),
    (1, 128, 4),
    (7, 64, 2),
    (7, 64, 4),
    (7, 32, 4),
    (4, 64, 4),
)
# (COLUMNS, BLOCK, warps), for rows that are whole words.
WORDS = ((4, 64, 2), (4, 128, 4), (4, 32, 1), (2, 64, 2), (2, 128, 4))
# Elements a word, the widest first.
WIDTHS = (4, 2)
KEY = [
    "height",
    "width",
    "out_height",
    "out_width",
    "GROUP_CHANNELS",
    "KERNEL_SIZE",
    "STRIDE",
    "DILATION",
    "BLOCK_CHANNELS",
    "REDUCED",
    # Which memory format each tensor has.
    *("x_c", "out_c", "weight_t", "features_c", "upstream_c", "grad_c", "grad_t"),
]


def forward(
    x: torch.Tensor,
    weight: torch.Tensor,
    sizes: Sizes,
    *,
    affine: tuple[torch.Tensor, torch.Tensor] | None = None,
    relu: bool = False,
) -> torch.Tensor:
    """The involution of `x`, `[N, C, H', W']` in its dtype and memory format.

    Args:
        x: `[N, C, H, W]`.
        weight: `[N, G, K*K, H', W']`.
        sizes: of the two.
        affine: scale and shift of the result's channels, `[C]` each.
        relu: whether negative results become 0.
    """
    out = like(x, sizes)
    scale, shift = affine or (out, out)
    check_tensors(x, weight, out, scale, shift)
    tensors = (x, weight, scale, shift, out)
    strides = (*x.stride(), *weight.stride(), *out.stride())
    ends = {"AFFINE": affine is not None, "RELU": relu}
    word = next((w for w in WIDTHS if whole_words(w, sizes, x, weight, out)), None)
    if word:
        launch(
            involution_forward_words,
            tensors,
            sizes,
            lanes=lambda columns: sizes.out_height * _ceil(sizes.out_width, columns),
            strides=strides,
            candidates=words_for(word, sizes.out_width),
            WORD=word,
            **ends,
        )
    else:
        launch(
            involution_forward,
            tensors,
            sizes,
            lanes=_rows(sizes),
            strides=strides,
            candidates=rows_for(sizes.out_height),
            PAIRS=channel_pairs(sizes, x, out),
            **ends,
        )
    return out


def rows_for(out_height: int) -> tuple[tuple[int, int, int], ...]:
    """The tiles whose lanes own no more rows than a map has."""
    return tuple(tile for tile in CANDIDATES if tile[0] <= out_height)


def words_for(word: int, out_width: int) -> tuple[tuple[int, int, int], ...]:
    """The tiles whose lanes own whole words, and no more columns than a row has."""
    return tuple(tile for tile in WORDS if word <= tile[0] <= out_width)


def _rows(sizes: Sizes) -> Callable[[int], int]:
    """Lanes a picture and group, each of so many output rows."""
    return lambda rows: _ceil(sizes.out_height, rows) * sizes.out_width


def backward_input(
    weight: torch.Tensor, upstream: torch.Tensor, x: torch.Tensor, sizes: Sizes
) -> torch.Tensor:
    """The gradient of `x`, in its dtype and memory format; its values are not read."""
    grad = torch.empty_like(x)
    check_tensors(weight, upstream, grad)
    step = sizes.stride
    launch(
        involution_backward_input,
        (weight, upstream, grad),
        sizes,
        lanes=lambda rows: _ceil(sizes.height, rows * step) * _ceil(sizes.width, step),
        strides=(*weight.stride(), *upstream.stride(), *grad.stride()),
    )
    return grad


def backward_weight(
    x: torch.Tensor, upstream: torch.Tensor, weight: torch.Tensor, sizes: Sizes
) -> torch.Tensor:
    """The gradient of `weight`, in its dtype and strides; its values are not read."""
    grad = torch.empty_like(weight)
    check_tensors(x, upstream, grad)
    launch(
        involution_backward_weight,
        (x, upstream, grad),
        sizes,
        lanes=_rows(sizes),
        strides=(*x.stride(), *upstream.stride(), *grad.stride()),
        all_channels=True,
    )
    return grad


def like(x: torch.Tensor, sizes: Sizes) -> torch.Tensor:
    """An output of `x`'s dtype, device and memory format, not filled."""
    shape = (sizes.batch, sizes.channels, sizes.out_height, sizes.out_width)
    last = x.is_contiguous(memory_format=torch.channels_last)
    channels_last = last and not x.is_contiguous()
    return torch.empty(
        shape,
        dtype=x.dtype,
        device=x.device,
        memory_format=(
            torch.channels_last if channels_last else torch.contiguous_format
        ),
    )


def launch(
    kernel: Any,
    tensors: Sequence[torch.Tensor],
    sizes: Sizes,
    *,
    lanes: Callable[[int], int],
    strides: Sequence[int],
    all_channels: bool = False,
    candidates: tuple[tuple[int, int, int], ...] = CANDIDATES,
    **settings: Any,
) -> None:
    """Run a kernel over all pictures and groups; the last tensor is what it writes.

    Args:
        kernel: takes the tensors, the batch's size, the four sides, the strides.
        tensors: on one device.
        sizes: of the involution.
        lanes: lanes a picture and group need when each owns that many rows or columns.
        strides: of the tensors, in the kernel's order.
        all_channels: whether a program sees all channels of its group.
        candidates: ROWS or COLUMNS, BLOCK and warps to try.
        settings: further compile-time arguments.

    Raises:
        UsageError: tensors on the CPU outside of Triton's interpreter, or more groups
            or positions than a launch holds.
    """
    refuse_cpu(tensors[-1].device)
    if tensors[-1].numel() == 0:
        return
    block = min(triton.next_power_of_2(sizes.group_channels), MOST_CHANNELS)
    blocks = 1 if all_channels else _ceil(sizes.group_channels, block)
    if sizes.groups * blocks > LARGEST_GRID:
        message = f"involution: {sizes.groups} groups; at most {LARGEST_GRID} work."
        raise UsageError(message)
    if sizes.batch * lanes(1) > LARGEST_BATCH:
        message = (
            f"involution: {sizes.batch} pictures of {sizes.height} x {sizes.width}: "
            f"more than {LARGEST_BATCH} positions. Split the batch."
        )
        raise UsageError(message)

    def grid(meta: dict[str, Any]) -> tuple[int, int]:
        tiles = _ceil(sizes.batch * lanes(owned_by(meta)), meta["BLOCK"])
        return tiles, sizes.groups * blocks

    double = tensors[-1].dtype == torch.float64
    run = tuned(kernel, candidates, KEY)
    # PyTorch leaves it untyped; on the CPU it does nothing.
    with torch.cuda.device_of(tensors[-1]):  # type: ignore[no-untyped-call]
        run[grid](
            *tensors,
            *(sizes.batch, sizes.height, sizes.width),
            *(sizes.out_height, sizes.out_width),
            *strides,
            GROUP_CHANNELS=sizes.group_channels,
            KERNEL_SIZE=sizes.kernel_size,
            STRIDE=sizes.stride,
            DILATION=sizes.dilation,
            SUM=tl.float64 if double else tl.float32,
            BLOCK_CHANNELS=block,
            **settings,
        )


def _ceil(a: int, b: int) -> int:
    return -(-a // b)
