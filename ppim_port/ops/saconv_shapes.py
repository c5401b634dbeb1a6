"""The shapes that a switchable atrous convolution takes, and refusals of all others.

Refused here, before a framework is asked: a filter of one number standardises to NaN,
and a map of two pixels cannot be mirrored by two.
"""

from __future__ import annotations

from math import prod

from ppim_port.errors import InputSizeError, MappingError, UsageError
from ppim_port.ops.saconv_numpy import SWITCH_REACH
from ppim_port.state_dict import Array


def check_filters(
    shape: tuple[int, ...], expected: tuple[int, ...] | None = None
) -> None:
    """Accept filters that can be standardised.

    Args:
        shape: `[out, in / groups, kh, kw]`.
        expected: of the layer that they are for; None for a new layer.

    Raises:
        UsageError: filters of a single number.
        MappingError: not the expected shape.
    """
    if expected is not None and shape != expected:
        message = (
            f"Filters of shape {list(shape)} do not fit, expected {list(expected)}; "
            "the layer is unchanged. Pass the weight of a convolution with the "
            "layer's own channels, groups and kernel size."
        )
        raise MappingError(message)
    if prod(shape[1:]) < 2:
        message = (
            f"Filters of shape {list(shape)} hold a single number each and have no "
            "deviation to standardise; use a plain convolution there."
        )
        raise UsageError(message)


def check_bias(bias: Array | None, channels: int | None) -> None:
    """Accept a bias that a layer has a place for.

    Args:
        bias: `[out]`, or None.
        channels: of the layer's own bias; None if it has none.

    Raises:
        MappingError: there is no place for it, or it is of another size.
    """
    if bias is not None and bias.shape != (channels,):
        place = "no bias" if channels is None else f"one of [{channels}]"
        message = (
            f"A bias of shape {list(bias.shape)} does not fit, the layer has {place}; "
            "the layer is unchanged. Build the layer with the convolution's own bias."
        )
        raise MappingError(message)


def check_map(height: int, width: int) -> None:
    """Accept maps that can be mirrored at their edges.

    Raises:
        InputSizeError: a side of under 3 pixels.
    """
    least = SWITCH_REACH + 1
    if min(height, width) < least:
        message = (
            f"A switchable convolution cannot take a map of {height}x{width}: its "
            f"edges are mirrored by {SWITCH_REACH}, so each side must be of {least} "
            "pixels or more. Use larger images."
        )
        raise InputSizeError(message)
