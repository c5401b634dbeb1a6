"""Switchable atrous convolution in plain numpy: slow, obvious, the fast forms' oracle.

After the paper (arXiv 2006.02334, section 4), and its authors' code where the paper is
silent: adaptive weight standardisation (`ConvAWS2d`), the switch, and both contexts
(`SAConv2d`). In the arrays' own precision; give it float64 to use it as an oracle.

Deformable convolution, which the authors' code can put into both branches, is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np

from ppim_port.state_dict import Array, StateDict

EPSILON = 1e-5
# Of the second branch; the paper calls it r, and tries no other.
ATROUS_RATE = 3
# Of the average that the switch sees; its input is mirrored by half of it.
SWITCH_WINDOW = 5
SWITCH_REACH = SWITCH_WINDOW // 2


def moments(weight: Array) -> tuple[Array, Array]:
    """Mean and deviation of each filter.

    The variance is the unbiased one, and `EPSILON` is added to it.

    Args:
        weight: `[out, in / groups, kh, kw]`, two numbers a filter or more.

    Returns:
        Both `[out, 1, 1, 1]`, in the dtype of `weight`.
    """
    flat = weight.reshape(len(weight), -1)
    shape = (-1, 1, 1, 1)
    deviation = np.sqrt(flat.var(axis=1, ddof=1) + EPSILON)
    return flat.mean(axis=1).reshape(shape), deviation.reshape(shape)


def standardised(weight: Array, gamma: Array, beta: Array) -> Array:
    """The filters that convolve: mean `beta` and deviation about `gamma`.

    Args:
        weight: `[out, in / groups, kh, kw]`.
        gamma: `[out, 1, 1, 1]`.
        beta: `[out, 1, 1, 1]`.
    """
    mean, deviation = moments(weight)
    return gamma * ((weight - mean) / deviation) + beta


def adopted(weight: Array) -> StateDict:
    """What a plain convolution's filters make of `weight_gamma` and `weight_beta`.

    With their own moments the filters are standardised to themselves, so the layer
    starts as that convolution. In float64, then rounded to the dtype of `weight`.

    Args:
        weight: `[out, in / groups, kh, kw]`, of a plain convolution.
    """
    mean, deviation = moments(weight.astype(np.float64))
    kind = weight.dtype
    return {"weight_gamma": deviation.astype(kind), "weight_beta": mean.astype(kind)}


def convolution(
    x: Array,
    weight: Array,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Array:
    """Convolve, position by position, with zeros around the input.

    Args:
        x: `[N, in, H, W]`.
        weight: `[out, in / groups, kh, kw]`.
        stride: step between output positions.
        padding: zeros on each side.
        dilation: step between taps.
        groups: blocks of channels that do not see each other.

    Returns:
        `[N, out, H', W']` with `H' = (H + 2 padding - dilation (kh - 1) - 1) // stride
        + 1`.
    """
    out_channels, _, *kernel = weight.shape
    edge = (padding, padding)
    padded = np.pad(x, ((0, 0), (0, 0), edge, edge))
    height, width = (
        (side - dilation * (taps - 1) - 1) // stride + 1
        for side, taps in zip(padded.shape[2:], kernel, strict=True)
    )
    inputs = np.split(padded, groups, axis=1)
    filters = np.split(weight, groups)
    out = np.zeros((len(x), out_channels, height, width), np.result_type(x, weight))
    for row, column in product(range(height), range(width)):
        y = row * stride + dilation * np.arange(kernel[0])
        z = column * stride + dilation * np.arange(kernel[1])
        out[:, :, row, column] = np.concatenate(
            [
                np.einsum("nchw,ochw->no", part[:, :, y[:, None], z], own)
                for part, own in zip(inputs, filters, strict=True)
            ],
            axis=1,
        )
    return out


def switch_input(x: Array) -> Array:
    """The average of 5x5 around each position; the input is mirrored at its edges.

    Args:
        x: `[N, C, H, W]`, 3 pixels a side or more.

    Returns:
        Of the same shape.
    """
    edge = (SWITCH_REACH, SWITCH_REACH)
    mirrored = np.pad(x, ((0, 0), (0, 0), edge, edge), mode="reflect")
    out = np.empty_like(x)
    for row, column in product(*map(range, x.shape[2:])):
        window = mirrored[
            :, :, row : row + SWITCH_WINDOW, column : column + SWITCH_WINDOW
        ]
        out[:, :, row, column] = window.mean(axis=(2, 3))
    return out


def with_context(x: Array, weight: Array, bias: Array) -> Array:
    """Add to every position what a 1x1 convolution makes of the average of all.

    Args:
        x: `[N, C, H, W]`.
        weight: `[C, C, 1, 1]`.
        bias: `[C]`.
    """
    seen = x.mean(axis=(2, 3), keepdims=True)
    return x + convolution(seen, weight) + bias[:, None, None]


def switchable_convolution(
    x: Array,
    state: Mapping[str, Array],
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Array:
    """The whole layer: context, switch, two atrous branches, context.

    Args:
        x: `[N, in, H, W]`, 3 pixels a side or more.
        state: the layer's tensors under the frameworks' keys: `weight`, `weight_diff`,
            `weight_gamma`, `weight_beta`, `bias` if it has one, and `weight` and `bias`
            of `switch`, `pre_context` and `post_context`.
        stride: step between output positions.
        padding: zeros on each side for the first branch, a third of the second's.
        dilation: of the first branch, a third of the second's.
        groups: blocks of channels that do not see each other.

    Returns:
        `[N, out, H', W']`.
    """
    x = with_context(x, state["pre_context.weight"], state["pre_context.bias"])
    switch = convolution(switch_input(x), state["switch.weight"], stride=stride)
    switch = switch + state["switch.bias"]
    weight = standardised(state["weight"], state["weight_gamma"], state["weight_beta"])
    branches = [
        convolution(
            x,
            filters,
            stride=stride,
            padding=rate * padding,
            dilation=rate * dilation,
            groups=groups,
        )
        for filters, rate in ((weight, 1), (weight + state["weight_diff"], ATROUS_RATE))
    ]
    out = switch * branches[0] + (1 - switch) * branches[1]
    if "bias" in state:
        out = out + state["bias"][:, None, None]
    return with_context(out, state["post_context.weight"], state["post_context.bias"])
