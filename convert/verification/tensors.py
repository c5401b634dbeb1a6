"""Bit for bit: what comes back from the inverse map, and what a net really holds.

A NaN equals nothing here, not even itself, and a number of another dtype is another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np

from convert.verification.records import Finding
from ppim_port.manifest import ModelRecord
from ppim_port.mapping import Mapping as Plan
from ppim_port.mapping import apply, bad_values, describe, plan
from ppim_port.state_dict import Array, FrameworkName, StateDict


def bad(state: StateDict) -> list[Finding]:
    """NaN, infinities and negative variances."""
    text = bad_values(state)
    return [Finding("values", text)] if text else []


def ported(
    state: StateDict,
    record: ModelRecord,
    *,
    start: FrameworkName,
    end: FrameworkName,
    origin: str = "what is to be proven",
) -> tuple[StateDict, Plan]:
    """A state dict in a framework's names and layouts, by a plan made anew.

    Args:
        state: a state dict of the model, under any names.
        record: the model.
        start: framework that it is in.
        end: framework to end in, under our names.
        origin: what to call it in messages.

    Raises:
        MappingError: it is no state dict of that model.
    """
    fresh = plan(
        describe(state),
        family=record.family,
        variant=record.variant,
        source_framework=start,
        target_framework=end,
        origin=origin,
    )
    return apply(fresh, state), fresh


def returned(
    source: StateDict,
    converted: StateDict,
    record: ModelRecord,
    *,
    start: FrameworkName,
    end: FrameworkName,
) -> list[Finding]:
    """Hold what the inverse map makes of the converted tensors against the source.

    The way back is planned anew from the converted tensors, so that a fault of the way
    there cannot undo itself.

    Args:
        source: the source's tensors under our names, in its own framework.
        converted: the target's tensors.
        record: the model.
        start: the source's framework.
        end: the target's framework.

    Raises:
        MappingError: the converted tensors are no state dict of the target's net.
    """
    back, inverse = ported(converted, record, start=end, end=start)
    # Counters that the target has no place for: the only tensors that are made up.
    made = {fate.target for fate in inverse.fates if fate.source is None}
    expected = {key: value for key, value in source.items() if key not in made}
    return [Finding("returned", line) for line in unlike(expected, back)]


def loaded(expected: StateDict, held: StateDict) -> list[Finding]:
    """Hold what a float32 net holds against what was to be loaded into it."""
    widened = {
        key: value.astype(held[key].dtype) if key in held else value
        for key, value in expected.items()
    }
    stray = [f"{key} is held and was not loaded" for key in held.keys() - widened]
    lines = [*unlike(widened, held), *sorted(stray)]
    return [Finding("loaded", line) for line in lines]


def unlike(expected: Mapping[str, Array], found: Mapping[str, Array]) -> Iterator[str]:
    """Keys whose tensors are not the same bits, and what is other about each."""
    for key, value in expected.items():
        if key not in found:
            yield f"{key} is not there"
        elif text := _unlike(value, found[key]):
            yield f"{key} {text}"


def _unlike(expected: Array, found: Array) -> str:
    if (found.dtype, found.shape) != (expected.dtype, expected.shape):
        return (
            f"is {found.dtype} {list(found.shape)}, "
            f"expected {expected.dtype} {list(expected.shape)}"
        )
    if expected.dtype.kind == "f" and not np.isfinite(found).all():
        return "holds NaN or infinities"
    if found.tobytes() == expected.tobytes():
        return ""
    # 0 and -0 are other bits and the same number.
    count = np.count_nonzero(found != expected)
    return f"differs in {count:,} of {found.size:,} numbers"


def digest(state: Mapping[str, Array]) -> str:
    """sha256 over every tensor's key, dtype, shape and bytes, in the order of keys."""
    total = hashlib.sha256()
    for key in sorted(state):
        value = np.ascontiguousarray(state[key])
        head = f"{key} {value.dtype.name} {list(value.shape)}\n"
        total.update(head.encode("utf-8", "surrogateescape"))
        total.update(value.astype(value.dtype.newbyteorder("<"), copy=False).data)
    return total.hexdigest()
