"""Carry out a plan: the only place where tensors change hands.

Refuses a state dict that is not exactly the one that was planned for.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from ppim_port.errors import MappingError
from ppim_port.mapping.records import Action, Fate, Mapping
from ppim_port.state_dict import Array, StateDict


def apply(mapping: Mapping, source: StateDict) -> StateDict:
    """The target's state dict, in the target's order.

    Args:
        mapping: a plan made for exactly these keys.
        source: the source's tensors; never changed.

    Returns:
        New contiguous arrays where values move or widen, else the source's own.

    Raises:
        MappingError: a key that is not planned for, planned twice, or absent, or a
            tensor that did not get its planned shape and dtype.
    """
    _check_coverage(mapping, source)
    target = {}
    for fate in mapping.fates:
        if fate.target is not None:
            target[fate.target] = _move(fate, source)
    return target


def _check_coverage(mapping: Mapping, source: StateDict) -> None:
    used = Counter(fate.source for fate in mapping.fates if fate.source is not None)
    filled = Counter(fate.target for fate in mapping.fates if fate.target is not None)
    lines = [f"not in the plan: {key}" for key in sorted(source.keys() - used.keys())]
    lines += [
        f"not in the source: {key}" for key in sorted(used.keys() - source.keys())
    ]
    lines += [f"used {n} times: {key}" for key, n in used.items() if n > 1]
    lines += [f"filled {n} times: {key}" for key, n in filled.items() if n > 1]
    if lines:
        text = "\n  ".join(lines)
        message = (
            f"The plan does not cover this state dict; nothing was done:\n  {text}"
        )
        raise MappingError(message)


def _move(fate: Fate, source: StateDict) -> Array:
    if fate.source is None:
        return np.zeros(fate.shape, fate.dtype)
    value = source[fate.source]
    if fate.action is Action.TRANSPOSE:
        value = np.ascontiguousarray(value.T)
    value = value.astype(fate.dtype, copy=False, casting="safe")
    if value.shape != fate.shape:
        message = (
            f"{fate.source}: shape {list(value.shape)} after {fate.action}, planned "
            f"{list(fate.shape)} for {fate.target}. Nothing was written."
        )
        raise MappingError(message)
    return value
