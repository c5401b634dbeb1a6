"""Carry out a plan: the only place where tensors change hands.

Refuses a state dict that is not exactly the one that was planned for, and a plan that
does not fill the target net exactly, because a plan is only data that anyone can edit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from ppim_port.errors import MappingError
from ppim_port.mapping.records import Action, Fate, Mapping
from ppim_port.mapping.rules import tensors
from ppim_port.models.family import load_family
from ppim_port.ops.saconv_numpy import adopted
from ppim_port.state_dict import Array, StateDict

TURNS = (Action.TRANSPOSE, Action.PERMUTE)
MOMENTS = {Action.DEVIATION: "weight_gamma", Action.MEAN: "weight_beta"}


def apply(
    mapping: Mapping, source: StateDict, *, wanted: Collection[str] | None = None
) -> StateDict:
    """The target's state dict, in the target's order.

    Args:
        mapping: a plan made for exactly these keys.
        source: the source's tensors; never changed.
        wanted: every key of the target net; None asks the plan's family.

    Returns:
        New contiguous arrays where values move or widen, else the source's own.

    Raises:
        MappingError: a key that is not planned for, planned twice, or absent, in the
            source or in the target net, or a tensor that cannot get its planned shape
            and dtype.
    """
    _check_coverage(
        mapping, source, _target_keys(mapping) if wanted is None else wanted
    )
    target: StateDict = {}
    for fate in mapping.fates:
        if fate.target is not None:
            target[fate.target] = _move(fate, source, target)
    return target


def _check_coverage(
    mapping: Mapping, source: StateDict, wanted: Collection[str]
) -> None:
    used = Counter(fate.source for fate in mapping.fates if fate.source is not None)
    filled = Counter(fate.target for fate in mapping.fates if fate.target is not None)
    groups = (
        ("not in the plan", source.keys() - used.keys()),
        ("not in the source", used.keys() - source.keys()),
        ("not filled", set(wanted) - filled.keys()),
        ("not in the target", filled.keys() - set(wanted)),
    )
    lines = [f"{what}: {key}" for what, keys in groups for key in sorted(keys)]
    lines += [f"used {n} times: {key}" for key, n in used.items() if n > 1]
    for key in (key for key, n in filled.items() if n > 1):
        origins = [str(f.source) for f in mapping.fates if f.target == key]
        lines.append(f"filled {len(origins)} times: {key}, by {' and '.join(origins)}")
    if lines:
        text = "\n  ".join(lines)
        message = (
            f"The plan does not cover this state dict; nothing was done:\n  {text}"
        )
        raise MappingError(message)


def _target_keys(mapping: Mapping) -> set[str]:
    layers = load_family(mapping.config.family).layers(mapping.config)
    return {spec.key for spec in tensors(layers, mapping.target_framework)}


def _move(fate: Fate, source: StateDict, target: StateDict) -> Array:
    if fate.source is None:
        return _create(fate, target)
    value = source[fate.source]
    if fate.action in TURNS:
        value = np.ascontiguousarray(_turned(value, fate))
    if value.shape != fate.shape or not np.can_cast(value.dtype, fate.dtype, "safe"):
        message = (
            f"{fate.source}: {value.dtype} {list(value.shape)} after {fate.action}, "
            f"planned {fate.dtype} {list(fate.shape)} for {fate.target}. Nothing was "
            "written."
        )
        raise MappingError(message)
    return value.astype(fate.dtype, copy=False)


def _turned(value: Array, fate: Fate) -> Array:
    try:
        return turned(value, fate.action, fate.axes)
    except MappingError as error:
        message = f"{fate.source}, for {fate.target}: {error}"
        raise MappingError(message) from None


def turned(value: Array, action: Action, axes: Sequence[int]) -> Array:
    """A view of a source's tensor in its target's layout; itself if nothing turns.

    Args:
        value: a source's tensor.
        action: what happens to it.
        axes: where each axis of the target stands in the source, for PERMUTE.

    Raises:
        MappingError: it has another number of axes than are to be turned.
    """
    if action not in TURNS:
        return value
    order = (1, 0) if action is Action.TRANSPOSE else tuple(axes)
    if sorted(order) != list(range(value.ndim)):
        message = (
            f"A tensor of {value.ndim} axes cannot be turned as {order}. Nothing was "
            "written."
        )
        raise MappingError(message)
    return value.transpose(order)


def _create(fate: Fate, target: StateDict) -> Array:
    if fate.action not in MOMENTS:
        return np.full(fate.shape, fate.action is Action.ONES, fate.dtype)
    basis = basis_of(str(fate.target))
    if basis not in target:
        message = (
            f"{fate.target}: made from {basis}, which is not planned before it. "
            "Nothing was written."
        )
        raise MappingError(message)
    return moment(fate.action, target[basis])


def basis_of(key: str) -> str:
    """The key of the filters whose moments a tensor holds.

    Args:
        key: of that tensor, in the target.
    """
    return f"{key.rpartition('.')[0]}.weight"


def moment(action: Action, weight: Array) -> Array:
    """What MEAN or DEVIATION makes of filters.

    Args:
        action: one of `MOMENTS`.
        weight: `[out, in / groups, kh, kw]`.

    Returns:
        `[out, 1, 1, 1]`, in the dtype of `weight`.
    """
    return adopted(weight)[MOMENTS[action]]
