"""What the kernels accept, as one record, checked before anything is launched.

Shapes that do not fit each other would be out-of-bounds reads on a GPU, so they are
refused here, with both shapes in the text. Offsets inside of one picture are 32 bits
wide in the kernels; larger pictures are refused rather than wrapped around.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ppim_port.errors import InputError, UsageError

DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
LARGEST_OFFSET = 2**31 - 1
# Lanes are numbered over a whole batch in 32 bits, to the end of the last tile.
LARGEST_BATCH = 2**31 - 2**12
WIDEST_LOAD = 16  # bytes
# The second dimension of a launch grid holds the groups.
LARGEST_GRID = 65535


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of one involution, in pixels and channels."""

    batch: int
    channels: int
    height: int
    width: int
    groups: int
    out_height: int
    out_width: int
    kernel_size: int
    stride: int
    dilation: int

    @property
    def group_channels(self) -> int:
        """Channels that share a kernel."""
        return self.channels // self.groups


def sizes_of(
    x_shape: torch.Size,
    weight_shape: torch.Size,
    *,
    kernel_size: int,
    stride: int,
    dilation: int,
) -> Sizes:
    """The sizes of an involution of these shapes.

    Args:
        x_shape: `[N, C, H, W]`.
        weight_shape: `[N, G, K*K, H', W']` with `H' = ceil(H / stride)`.
        kernel_size: K, odd.
        stride: 1 or more.
        dilation: 1 or more.

    Raises:
        UsageError: an even kernel size, or a stride or dilation below 1.
        InputError: shapes that do not fit each other; the text holds both.
    """
    if kernel_size < 1 or kernel_size % 2 == 0 or stride < 1 or dilation < 1:
        message = (
            f"involution: kernel_size {kernel_size}, stride {stride}, dilation "
            f"{dilation}. Expected an odd kernel size, and 1 or more for the others."
        )
        raise UsageError(message)
    if len(x_shape) != 4 or len(weight_shape) != 5:
        raise _misfit(x_shape, weight_shape, "[N, C, H, W] and [N, G, K*K, H', W']")
    n, channels, height, width = x_shape
    groups = weight_shape[1]
    out = (-(-height // stride), -(-width // stride))
    if tuple(weight_shape) != (n, groups, kernel_size**2, *out):
        expected = f"a weight of {[n, 'G', kernel_size**2, *out]} for this x"
        raise _misfit(x_shape, weight_shape, expected)
    if groups < 1 or channels % groups:
        raise _misfit(x_shape, weight_shape, f"G to divide the {channels} channels")
    return Sizes(
        n, channels, height, width, groups, *out, kernel_size, stride, dilation
    )


def check_tensors(*tensors: torch.Tensor) -> None:
    """Accept tensors of one device, of known dtypes, with 32-bit offsets.

    Raises:
        InputError: names the dtype, the device or the size that does not work.
    """
    if len({tensor.device for tensor in tensors}) > 1:
        devices = ", ".join(str(tensor.device) for tensor in tensors)
        message = f"involution: tensors on several devices: {devices}. Move them first."
        raise InputError(message)
    for tensor in tensors:
        if tensor.dtype not in DTYPES:
            known = ", ".join(str(dtype) for dtype in DTYPES)
            message = (
                f"involution: a tensor of {tensor.dtype}. Expected one of {known}."
            )
            raise InputError(message)
        if _last_offset(tensor) > LARGEST_OFFSET:
            message = (
                f"involution: one picture of {list(tensor.shape)} spans more than "
                f"{LARGEST_OFFSET} elements. Split it, or use the plain form."
            )
            raise InputError(message)


def whole_words(word: int, sizes: Sizes, *tensors: torch.Tensor) -> bool:
    """Whether rows of all tensors are whole, aligned words of `word` elements.

    Args:
        word: elements.
        sizes: of the involution; both widths must be a multiple of `word`.
        tensors: whose last dimension is that of columns.
    """
    if sizes.width % word or sizes.out_width % word:
        return False
    return all(
        tensor.stride(-1) == 1
        and not any(step % word for step in tensor.stride()[:-1])
        and tensor.data_ptr() % min(word * tensor.element_size(), WIDEST_LOAD) == 0
        for tensor in tensors
    )


def channel_pairs(sizes: Sizes, *tensors: torch.Tensor) -> bool:
    """Whether channels are neighbours, and two of bfloat16 are aligned to 32 bits."""
    return sizes.group_channels % 2 == 0 and all(
        tensor.dtype == torch.bfloat16
        and tensor.stride(1) == 1
        and not any(
            step % 2 for place, step in enumerate(tensor.stride()) if place != 1
        )
        and tensor.data_ptr() % 4 == 0
        for tensor in tensors
    )


def _last_offset(tensor: torch.Tensor) -> int:
    # Of one picture: the batch's own offset is 64 bits wide.
    steps = zip(tensor.shape[1:], tensor.stride()[1:], strict=True)
    return sum((size - 1) * abs(stride) for size, stride in steps)


def _misfit(x: torch.Size, weight: torch.Size, expected: str) -> InputError:
    return InputError(
        f"involution: x {list(x)} and weight {list(weight)} do not fit. "
        f"Expected {expected}. Nothing was computed."
    )
